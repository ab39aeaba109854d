"""Where a run puts its generation, so that an existing dataset stays whole."""

from __future__ import annotations

from dataclasses import replace

from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.output_folder import (
    check_no_links,
    remove_dataset,
    remove_rejected,
    write_card,
)
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.tokenizer_files import COMPANIONS, TOKENIZER_FILE
from beam_pipeline.plan.tokenizer_source import TOKENIZER_FOLDER, TokenizerSource
from transforms import storage
from transforms.functional.dataset.manifest import generation_folder
from transforms.storage.generations import next_generation, standing_manifest


def make_room(config: JobConfig, tokenizer: TokenizerSource, plan: Plan) -> Plan:
    """Return a plan whose files replace none of an existing dataset.

    With `--overwrite=in_place` the dataset is removed instead. Of an unfinished run the rejected
    records go, which are written again as they are read; its finished shards stay.

    Raises:
        OutputError: `manifest.json` is somebody else's file, or a folder of the output is a link.
    """
    check_no_links(config.output)
    if config.overwrite:
        number = next_generation(config.output)
        if config.overwrite != "in_place":
            folder = _tokenizer_folder(config.output, tokenizer, number)
            plan = replace(plan, generation=number, tokenizer_folder=folder)
        elif number > 1:
            write_card(config.output, None)
            remove_dataset(config.output)
    remove_rejected(config.output, plan.generation)
    return plan


def _tokenizer_folder(output: str, tokenizer: TokenizerSource, generation: int) -> str:
    """Return where a new dataset keeps its tokenizer: where the old one does, if it is the same."""
    if generation == 1:
        return TOKENIZER_FOLDER
    standing = standing_manifest(output)
    if standing is not None:
        folder = standing.tokenizer.folder
        there = storage.list_files(storage.join(output, folder), recursive=False)
        names = [name for name in there if name in (TOKENIZER_FILE, *COMPANIONS)]
        held = {name: storage.read_bytes(storage.join(output, folder, name)) for name in names}
        if held == tokenizer.files:
            return folder
    return generation_folder(TOKENIZER_FOLDER, generation)
