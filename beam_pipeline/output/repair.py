"""Making single shards of a dataset again, from the inputs that its manifest names.

Only what the manifest says may come out: before each write the rows are compared with it, and it is
compared with the manifest that is in the output then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import apache_beam as beam

from beam_pipeline.engines.engine import choose_engine
from beam_pipeline.engines.execution import execute, room_for, write_tokenizer
from beam_pipeline.graph.repair import build_repair
from beam_pipeline.graph.steps import Steps
from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.output_folder import check_no_links
from beam_pipeline.plan.input_files import InputFile, input_file
from beam_pipeline.plan.plan_files import write_plan
from beam_pipeline.plan.planning import Plan, plan_of
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_dataset_tokenizer
from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest, fingerprint_of
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.errors import InputError, OutputError
from transforms.functional.reviews.labels import class_numbers
from transforms.functional.reviews.reviews import PartKey
from transforms.functional.unpacking.archive_paths import stored_path
from transforms.storage.lease import Lease


@dataclass(frozen=True)
class _RepairLease(Lease):
    """The right to repair one dataset, which ends when another one is in the output.

    Attributes:
        manifest: The bytes of its `manifest.json`.
    """

    manifest: bytes

    def check(self) -> None:
        """Raise `OutputError` where the lease is lost, or another dataset is there."""
        super().check()
        if storage.read_bytes(storage.join(self.output, MANIFEST_NAME)) != self.manifest:
            raise OutputError(
                f"another run has changed the dataset in {self.output} meanwhile: nothing of it "
                f"was written over; start the repair again"
            )


def repair(
    lease: Lease, manifest: Manifest, shards: Sequence[ShardEntry], named: Sequence[str] = ()
) -> None:
    """Make some shards of a dataset again.

    Args:
        named: Where, besides the output's own store, inputs may be read.

    Raises:
        InputError: an input is not what it was, or lies in a store that nobody named.
        OutputError: the copy of the tokenizer is damaged, or a folder of the output is a link.
        ReviewShardsError: the pipeline failed.
    """
    output = lease.output
    check_no_links(output)
    text = storage.read_bytes(storage.join(output, MANIFEST_NAME))
    right = _RepairLease(output, lease.token, text)
    recipe = _recipe_of(output, manifest)
    write_tokenizer(recipe.config.tokenizer, recipe.tokenizer)
    first = 0
    failed: InputError | None = None
    for place, generation in enumerate(manifest.generations):
        of_it = [s for s in shards if first <= s.split < first + generation.splits]
        if of_it:
            try:
                _repair_generation(recipe, manifest, place, of_it, right, named)
            except InputError as error:  # Other generations may be repaired all the same.
                failed = failed or error
        first += generation.splits
    if failed is not None:
        raise failed


def _repair_generation(
    recipe: DatasetRecipe,
    manifest: Manifest,
    place: int,
    shards: Sequence[ShardEntry],
    lease: Lease,
    named: Sequence[str],
) -> None:
    config = recipe.config
    before = _before(manifest, place)
    compared = list(before.good_inputs()) if config.dedup == "exact" else []
    entries = manifest.inputs[len(before.inputs) :][: manifest.generations[place].inputs]
    asked = [entry.path for entry in (*entries, *compared, *manifest.excluded)]
    check_named(asked, lease.output, named)
    files = [*map(input_file, entries)]
    left_out = {file.source - len(before.inputs) for file in manifest.quarantined}
    read = [file for at, file in enumerate(files) if at not in left_out]
    _check_inputs([*map(input_file, compared), *read])
    classes = _classes_of(manifest, place)
    plan = plan_of(replace(config, label_names=",".join(classes)), files, before)
    _check_excluded(manifest, plan)
    plan = replace(plan, generation=manifest.generations[place].number)
    _make_again(recipe, manifest, plan, shards, lease)


def _recipe_of(output: str, manifest: Manifest) -> DatasetRecipe:
    """Return what a dataset was made by."""
    config = JobConfig(
        **manifest.config,
        input=("(the inputs in manifest.json)",),
        output=output,
        tokenizer=storage.join(output, manifest.tokenizer.folder),
        exclude=tuple(entry.path for entry in manifest.excluded),
    )
    tokenizer = load_dataset_tokenizer(config.tokenizer)
    if fingerprint_of(config.dataset_options(), tokenizer.files) != manifest.fingerprint:
        raise OutputError(
            f"{config.tokenizer} is not the tokenizer that made the shards: copy the files of the "
            f"original there"
        )
    return DatasetRecipe(config=config, tokenizer=tokenizer)


def _before(manifest: Manifest, place: int) -> Manifest:
    """Return a dataset without the generations from a place on, as their plans saw it.

    Its shards stay, which no plan looks at, and names of labels that inputs brought later, which
    keep the others' numbers.
    """
    generations = manifest.generations[:place]
    classes = _classes_of(manifest, max(0, place - 1))
    n_inputs = sum(generation.inputs for generation in generations)
    quarantined = [file for file in manifest.quarantined if file.source < n_inputs]
    return replace(
        manifest,
        inputs=manifest.inputs[:n_inputs],
        generations=generations,
        quarantined=quarantined,
        label_numbers=class_numbers(classes) or manifest.label_numbers,
    )


def _classes_of(manifest: Manifest, place: int) -> Sequence[str]:
    """Return the classes that `--label_names` named for a generation."""
    first: Sequence[str] = manifest.config.get("label_names", "").split(",")
    numbers = manifest.label_numbers or {}
    count = manifest.generations[place].classes if place < len(manifest.generations) else None
    named = sorted(n for n in numbers if numbers[n] >= 0)
    named.sort(key=lambda name: numbers[name])
    return named[: len(first) if count is None else count] if first != [""] else ()


def _check_excluded(manifest: Manifest, plan: Plan) -> None:
    """Raise `InputError` where what `--exclude` named is not what it was."""
    now = [files.entry for files in plan.dedup_files if files.entry is not None]
    for entry in manifest.excluded:
        if entry not in now:
            raise InputError(
                f"{entry.path}, which --exclude named, has changed since the shards were made, so "
                f"none can be made again: put it back, or start over with --overwrite"
            )


def _check_inputs(files: Iterable[InputFile]) -> None:
    """Raise `InputError` where an input is not what it was."""
    for file in files:
        info = storage.info_of(stored_path(file.path))
        if info is None or storage.identity_of(info) != file.identity:
            what = "is gone" if info is None else "has changed"
            raise InputError(
                f"{file.path} {what} since its shards were made, so none can be made again: put "
                f"it back, or start over with --overwrite"
            )


def _make_again(
    recipe: DatasetRecipe,
    manifest: Manifest,
    plan: Plan,
    shards: Sequence[ShardEntry],
    lease: Lease,
) -> None:
    """Read what some shards of one generation were made of, and write them where they lay."""
    # In format version 1 there was no folder for each generation.
    flat = any(shard.path.count("/") == 1 for shard in shards)
    engine = choose_engine((), plan.splits.text_bytes, len(plan.splits))
    files = write_plan(recipe.config.output, plan, lease.token)
    with room_for(engine, recipe.config, files) as scratch:
        pipeline = beam.Pipeline(runner=engine.runner, options=engine.options)
        build_repair(
            pipeline,
            Steps(
                recipe=recipe,
                plan=plan,
                files=files,
                lease=lease,
                threads=engine.threads,
                scratch=scratch,
            ),
            keys={PartKey(split=shard.split, part=shard.part) for shard in shards},
            manifest=manifest,
            generation=None if flat else plan.generation,
        )
        execute(pipeline, engine)


def check_named(paths: Iterable[str], output: str, named: Sequence[str]) -> None:
    """Raise `InputError` for the first path that lies in a store which nobody named.

    A manifest may come from anywhere. Who wrote it chose the URLs in it, and may not choose by them
    what this machine asks with its own credentials.

    Args:
        paths: Paths, URLs and globs of a manifest.
        named: Files, folders, globs and URLs that the user gave.
    """
    for path in paths:
        place = stored_path(path)
        if _store_of(place) is None or not (
            _store_of(place) == _store_of(output)
            or any(_is_below(place, stored_path(given)) for given in named)
        ):
            raise InputError(
                f"{MANIFEST_NAME} of {output} names {path}, which lies in a store that you did not "
                f"name: pass --input with its folder, if you trust it"
            )


def _store_of(path: str) -> str | None:
    """Return scheme and host or bucket, nothing for this machine; None for a URL in another URL."""
    scheme, found, rest = path.partition("://")
    if not found:
        return ""
    if "::" in path:
        return None
    return "" if scheme in ("file", "local") else f"{scheme}://{rest.split('/')[0].lower()}"


def _is_below(path: str, given: str) -> bool:
    """Return True for what was given, and for what lies in it or matches its folder."""
    folder = re.split(r"[*?\[]", given, maxsplit=1)[0]
    if folder != given:
        folder = folder.rpartition("/")[0]
    if "://" not in folder:
        folder = storage.locate(folder)[1]
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
