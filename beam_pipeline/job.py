"""One job: plan, prepare the output, run, and say what came out."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass

from beam_pipeline.config import JobConfig
from beam_pipeline.engine import (
    Engine,
    check_shuffle_memory,
    choose_engine,
    counter_value,
)
from beam_pipeline.failures import error_of
from beam_pipeline.output_folder import (
    REPORT_NAME,
    read_manifest,
    remove_dataset,
    remove_rejected,
    remove_unnamed,
)
from beam_pipeline.planning import Plan, make_plan
from beam_pipeline.tokenizer_source import TOKENIZER_FOLDER, TokenizerSource, load_tokenizer
from transforms import storage
from transforms.functional.errors import OutputError, TokenizerError
from transforms.functional.manifest import MANIFEST_NAME, InputEntry, Manifest
from transforms.resuming import KEPT_SHARDS
from transforms.tokenization import MISMATCHES


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a job left behind.

    Attributes:
        manifest: The dataset.
        seconds: How long the job took.
        engine: What it ran on.
        was_there: True where the dataset was there already and nothing was done.
        n_kept: Shards of an earlier, unfinished run that were kept.
        n_mismatches: Sampled reviews for which fast tokenization was wrong; their workers changed
            to the library's own.
        ignored: Files that lie in no class folder.
    """

    manifest: Manifest
    seconds: float
    engine: str
    was_there: bool
    n_kept: int
    n_mismatches: int
    ignored: int


def run_job(config: JobConfig, beam_arguments: Sequence[str]) -> JobResult:
    """Make the dataset.

    Args:
        config: The job's options.
        beam_arguments: Beam's options, as on the command line.

    Raises:
        ReviewShardsError: see `transforms.functional.errors`; no manifest is left then.
    """
    started = time.monotonic()
    tokenizer = load_tokenizer(config.tokenizer)
    check_lengths(config, tokenizer)
    plan = make_plan(config)
    there = _finished(config, plan, tokenizer)
    counters: Mapping[str, int] = {}
    engine = choose_engine(beam_arguments, plan.text_bytes, len(plan.splits), debug=config.debug)
    if engine.local and config.order == "shuffled":
        check_shuffle_memory(plan.text_bytes)
    if not there:
        # Finished shards of an earlier run stay; rejected records are written as they are read.
        (remove_dataset if config.overwrite else remove_rejected)(config.output)
        counters = _run_pipeline(config, plan, tokenizer, engine)
    manifest = read_manifest(config.output)
    seconds = time.monotonic() - started
    if not there:
        remove_unnamed(config.output, manifest)
        _write_report(config, manifest, seconds)
    return JobResult(
        manifest=manifest,
        seconds=seconds,
        engine=engine.name,
        was_there=there,
        n_kept=counters.get(KEPT_SHARDS, 0),
        n_mismatches=counters.get(MISMATCHES, 0),
        ignored=len(plan.ignored),
    )


def check_lengths(config: JobConfig, tokenizer: TokenizerSource) -> None:
    """Raise `TokenizerError` where a row has no room, or the tokenizer lacks a token for it."""
    # Imported here, as Beam comes with it.
    from beam_pipeline.pipeline import mask_recipe, row_maker

    specials = len(tokenizer.template)
    if config.max_length <= specials:
        raise TokenizerError(
            f"--max_length must be at least {specials + 1} (one token and {specials} specials), "
            f"got {config.max_length}"
        )
    try:
        row_maker(config, tokenizer)
        mask_recipe(config, tokenizer)
    except ValueError as error:
        raise TokenizerError(f"--{error}") from None


def _finished(config: JobConfig, plan: Plan, tokenizer: TokenizerSource) -> bool:
    """Return True when the output holds this very dataset.

    Raises:
        OutputError: it holds another one, and `overwrite` is off.
    """
    from beam_pipeline.pipeline import manifest_draft

    path = storage.join(config.output, MANIFEST_NAME)
    if not storage.exists(path) or config.overwrite:
        return False
    there = read_manifest(config.output)
    draft = manifest_draft(config, plan, tokenizer)
    if there.fingerprint != draft.fingerprint:
        raise OutputError(
            f"{config.output} holds another dataset ({_differences(config, there)}): "
            f"choose another --output, or pass --overwrite to replace it"
        )
    if list(there.inputs) != list(draft.inputs):
        raise OutputError(
            f"{config.output} holds a dataset of other inputs ({_changed(there, draft.inputs)}): "
            f"choose another --output, or pass --overwrite to replace it"
        )
    return True


def _differences(config: JobConfig, there: Manifest) -> str:
    mine = json.loads(json.dumps(config.dataset_options()))
    names = [name for name, value in mine.items() if there.config.get(name) != value]
    return ", ".join(f"--{name} {there.config.get(name)}" for name in names) or "another tokenizer"


def _changed(there: Manifest, inputs: Sequence[InputEntry]) -> str:
    before = {entry.path: entry for entry in there.inputs}
    now = {entry.path: entry for entry in inputs}
    for path in sorted(before.keys() | now.keys()):
        if path not in now:
            return f"{path} is not among the inputs now"
        if path not in before:
            return f"{path} was not among them"
        if before[path] != now[path]:
            return f"{path} has changed since"
    return "their order differs"


def _run_pipeline(
    config: JobConfig, plan: Plan, tokenizer: TokenizerSource, engine: Engine
) -> Mapping[str, int]:
    """Run the job, and return its counters."""
    import apache_beam as beam

    from beam_pipeline.pipeline import build

    for name, data in tokenizer.files.items():
        storage.write_atomic(storage.join(config.output, TOKENIZER_FOLDER, name), data)
    pipeline = beam.Pipeline(runner=engine.runner, options=engine.options)
    build(pipeline, config, plan, tokenizer, threads=engine.threads)
    # Local workers print the traceback of every error that they also raise.
    quiet = engine.local and not config.debug
    try:
        with redirect_stderr(io.StringIO()) if quiet else nullcontext():
            result = pipeline.run()
            result.wait_until_finish()
    except Exception as error:
        raise error_of(error) from error
    return {name: counter_value(result, name) for name in (KEPT_SHARDS, MISMATCHES)}


def _write_report(config: JobConfig, manifest: Manifest, seconds: float) -> None:
    """Write times and speeds, which have no place in the manifest."""
    written = manifest.ledger.tokens.written
    report = {
        "seconds": round(seconds, 3),
        "tokens_per_second": round(written / seconds),
        "input_bytes": sum(entry.bytes for entry in manifest.inputs),
    }
    path = storage.join(config.output, REPORT_NAME)
    storage.write_atomic(path, (json.dumps(report, indent=1) + "\n").encode())
