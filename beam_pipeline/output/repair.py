"""Making single shards of a dataset anew, from the inputs that its manifest names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from beam_pipeline.engines.engine import choose_engine
from beam_pipeline.engines.running import execute, write_tokenizer
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.listing import InputFile, identity_of, input_file
from beam_pipeline.plan.plan_files import remove_plan, write_plan
from beam_pipeline.plan.planning import Plan, plan_of
from beam_pipeline.plan.tokenizer_source import TOKENIZER_FOLDER, TokenizerSource, load_tokenizer
from transforms import storage
from transforms.functional.dataset.manifest import Manifest, ShardEntry
from transforms.functional.errors import InputError, OutputError
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.reviews.splits import Split
from transforms.functional.unpacking.archive_paths import split_member


def repair(output: str, manifest: Manifest, shards: Sequence[ShardEntry]) -> None:
    """Make some shards of a dataset anew; the caller holds its lease.

    Args:
        output: Folder or URL of the dataset.
        manifest: Its manifest, which stays as it is.
        shards: The shards.

    Raises:
        InputError: an input is not what it was.
        OutputError: the copy of the tokenizer is damaged.
        ReviewShardsError: the pipeline failed.
    """
    config = _config_of(output, manifest)
    tokenizer = _tokenizer_of(config, manifest)
    write_tokenizer(output, tokenizer)
    first = 0
    failed: InputError | None = None
    for number, generation in enumerate(manifest.generations):
        keys = {
            PartKey(split=shard.split, part=shard.part)
            for shard in shards
            if first <= shard.split < first + generation.splits
        }
        if keys:
            try:
                _repair_generation(config, manifest, number, tokenizer, keys)
            except InputError as error:  # Other generations may be mended all the same.
                failed = failed or error
        first += generation.splits
    if failed is not None:
        raise failed


def _repair_generation(
    config: JobConfig,
    manifest: Manifest,
    number: int,
    tokenizer: TokenizerSource,
    keys: Collection[PartKey],
) -> None:
    files = _inputs_of(manifest, number)
    before = _before(manifest, number)
    compared = before.inputs if config.dedup == "exact" else ()
    _check_inputs([*map(input_file, compared), *files])
    plan = plan_of(config, files, before)
    _check_excluded(manifest, plan)
    _make_again(config, manifest, plan, tokenizer, keys)


def _config_of(output: str, manifest: Manifest) -> JobConfig:
    """Return the configuration that made a dataset."""
    return JobConfig(
        **manifest.config,
        input=("(the inputs in manifest.json)",),
        output=output,
        tokenizer=storage.join(output, TOKENIZER_FOLDER),
        exclude=tuple(entry.path for entry in manifest.excluded),
    )


def _tokenizer_of(config: JobConfig, manifest: Manifest) -> TokenizerSource:
    from beam_pipeline.pipeline import fingerprint

    tokenizer = load_tokenizer(config.tokenizer)
    if fingerprint(config, tokenizer) != manifest.fingerprint:
        raise OutputError(
            f"{config.tokenizer} is not the tokenizer that made the shards: copy the files of the "
            f"original there"
        )
    return tokenizer


def _before(manifest: Manifest, number: int) -> Manifest:
    """Return a dataset without the generations from `number` on, as their plans saw it.

    Its shards stay, which no plan looks at, and names of labels that came later, which keep the
    others' numbers.
    """
    generations = manifest.generations[:number]
    n_inputs = sum(generation.inputs for generation in generations)
    return replace(manifest, inputs=manifest.inputs[:n_inputs], generations=generations)


def _inputs_of(manifest: Manifest, number: int) -> list[InputFile]:
    first = len(_before(manifest, number).inputs)
    entries = manifest.inputs[first : first + manifest.generations[number].inputs]
    return [input_file(entry) for entry in entries]


def _check_excluded(manifest: Manifest, plan: Plan) -> None:
    """Raise `InputError` where what `--exclude` named is not what it was."""
    now = [files.entry for files in plan.dedup_files if files.entry is not None]
    for entry in manifest.excluded:
        if entry not in now:
            raise InputError(
                f"{entry.path}, which --exclude named, has changed since the shards were made, so "
                f"none can be made again: put it back, or start anew with --overwrite"
            )


def _check_inputs(files: Iterable[InputFile]) -> None:
    """Raise `InputError` where an input is not what it was."""
    for file in files:
        member = split_member(file.path)
        info = storage.info_of(member[1] if member else file.path)
        if info is None or identity_of(info) != file.identity:
            what = "is gone" if info is None else "has changed"
            raise InputError(
                f"{file.path} {what} since its shards were made, so none can be made again: put "
                f"it back, or start anew with --overwrite"
            )


def _make_again(
    config: JobConfig,
    manifest: Manifest,
    plan: Plan,
    tokenizer: TokenizerSource,
    keys: Collection[PartKey],
) -> None:
    """Read what the parts with these keys are made of, and write their shards."""
    import apache_beam as beam

    from beam_pipeline.pipeline import MakeRows, n_buckets_of, tokenizing, writing
    from beam_pipeline.reading import ReadCleanReviews
    from transforms.reading import ReadSplits
    from transforms.shuffling import ShuffleReviews

    files = write_plan(config.output, plan)
    engine = choose_engine((), plan.text_bytes, len(plan.splits))
    try:
        pipeline = beam.Pipeline(runner=engine.runner, options=engine.options)
        splits = pipeline | ReadSplits(files.splits, files.secret_paths)
        if _parts_stand_alone(config, plan):
            numbers = frozenset(key.split for key in keys)
            splits |= beam.Filter(_is_one_of, numbers).with_output_types(Split)
        names = pipeline | "Labels" >> beam.Create([manifest.label_numbers])
        label_numbers = names if plan.labels_are_names else None
        parts = splits | ReadCleanReviews(config, plan, files, label_numbers=label_numbers)
        if config.order == "shuffled":
            n_buckets = n_buckets_of(config, plan)
            parts |= ShuffleReviews(n_buckets, seed=config.seed, first=plan.splits.first)
        (
            parts
            | "ChooseParts" >> beam.Filter(_is_wanted, frozenset(keys)).with_output_types(Part)
            | tokenizing(config, tokenizer, engine.threads)
            | MakeRows(config, tokenizer)
            | writing(config, tokenizer)
        )
        execute(pipeline, engine)
    finally:
        remove_plan(config.output, files)


def _parts_stand_alone(config: JobConfig, plan: Plan) -> bool:
    """Return True where a part is made of one split, whatever stands in the others."""
    compared = config.dedup == "exact" or bool(plan.dedup_files)
    return config.order == "input" and not compared


def _is_one_of(split: Split, numbers: Collection[int]) -> bool:
    return split.number in numbers


def _is_wanted(part: Part, keys: Collection[PartKey]) -> bool:
    return part.key in keys
