"""The composition root: the whole pipeline, from splits to the manifest."""

from collections.abc import Collection, Mapping

import apache_beam as beam

from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.reading import ReadCleanReviews
from transforms import storage
from transforms.committing import WriteManifest
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.elements import ShardReceipt
from transforms.functional.figures.contract import Contract
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.reviews.splits import Split
from transforms.labels import CollectLabels
from transforms.measuring import WriteFigures
from transforms.reading import FindMissingColumns, ReadReviews, ReadSplits
from transforms.rejecting import FindBadFiles, LeaveOutFiles, WriteRejected
from transforms.rows import MakeRows, MaskBlocks, SplitSubsets
from transforms.shuffling import ShuffleReviews
from transforms.storage.generations import figures_path, texts_path
from transforms.storage.lease import Lease
from transforms.tokenization import TokenizeReviews
from transforms.writing import KeepFinished, WriteShards


def build(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    *,
    contract: Contract | None = None,
    lease: Lease | None = None,
    threads: int = 1,
) -> None:
    """Add the job to a pipeline.

    Args:
        pipeline: An empty pipeline.
        recipe: What to make.
        plan: What to read.
        files: The same, where workers find it.
        contract: What is expected of the reviews.
        lease: The right to write; None where an engine runs the job later, without one.
        threads: Threads that tokenize one part.
    """
    output = recipe.config.output
    bad_files = _bad_files(pipeline, recipe, plan, files)
    label_numbers = _label_numbers(pipeline, recipe, plan, files, bad_files)
    splits = _splits(pipeline, files, bad_files)
    missing_columns = _missing_columns(pipeline, files, bad_files, contract)
    parts = splits | ReadCleanReviews(recipe, plan, files, label_numbers=label_numbers)
    read = parts | WriteRejected(output, generation=plan.generation, lease=lease)
    todo, kept = _unfinished(pipeline, _in_order(parts, recipe, plan), recipe, plan, contract)
    tokenized = todo | _tokenizing(recipe, plan, threads)
    figures = (tokenized, read) | _measuring(recipe, plan, files, missing_columns, lease)
    made = tokenized | MakeShards(recipe, plan, generation=plan.generation, lease=lease)
    shards = (made, kept) | "AllShards" >> beam.Flatten()
    draft = recipe.manifest_draft(plan)
    (read, shards) | WriteManifest(
        output,
        draft,
        files.inputs,
        label_numbers=label_numbers,
        bad_files=bad_files,
        figures=figures,
        contract=contract,
        lease=lease,
    )


def build_repair(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    *,
    keys: Collection[PartKey],
    manifest: Manifest,
    generation: int | None,
    lease: Lease,
    threads: int = 1,
) -> None:
    """Add to a pipeline what makes some parts' shards again, and nothing else of the job.

    Args:
        pipeline: An empty pipeline.
        recipe: What to make.
        plan: What the job read.
        files: The same, where workers find it.
        keys: The parts.
        manifest: What the job said of label names, of files that it left out, and of the rows of
            each shard.
        generation: Number of their generation; None for shards that lie as in format version 1.
        lease: The right to write.
        threads: Threads that tokenize one part.
    """
    bad_files = pipeline | "BadFiles" >> beam.Create(manifest.quarantined)
    splits = _splits(pipeline, files, bad_files if manifest.quarantined else None)
    if _parts_stand_alone(recipe, plan):
        numbers = frozenset(key.split for key in keys)
        splits |= beam.Filter(_is_one_of, numbers).with_output_types(Split)
    known = [] if manifest.label_numbers is None else [dict(manifest.label_numbers)]
    numbers_of_names = pipeline | "Labels" >> beam.Create(known)
    names = numbers_of_names if plan.labels_are_names else None
    parts = splits | ReadCleanReviews(recipe, plan, files, label_numbers=names)
    wanted = beam.Filter(_is_wanted, frozenset(keys)).with_output_types(Part)
    chosen = _in_order(parts, recipe, plan) | "ChooseParts" >> wanted
    expected = {
        shard.path: shard.content_sha256
        for shard in manifest.shards()
        if PartKey(split=shard.split, part=shard.part) in keys
    }
    making = MakeShards(recipe, plan, generation=generation, lease=lease, expected=expected)
    _ = chosen | _tokenizing(recipe, plan, threads) | making


class MakeShards(beam.PTransform):
    """Token ids to shards: subsets, rows, masks, files.

    Args:
        recipe: What to make.
        plan: What is read.
        generation: Number of their generation; None for shards that lie as in format version 1.
        lease: The right to write; None where an engine runs the job later, without one.
        expected: The only content that shards may have, by their paths; None for any.
    """

    def __init__(
        self,
        recipe: DatasetRecipe,
        plan: Plan,
        *,
        generation: int | None,
        lease: Lease | None,
        expected: Mapping[str, str] | None = None,
    ) -> None:
        """Hold the options."""
        super().__init__()
        self.recipe = recipe
        self.validation_sources = plan.validation_sources
        self.generation = generation
        self.lease = lease
        self.expected = expected

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ShardReceipt`."""
        recipe, config = self.recipe, self.recipe.config
        if len(recipe.subsets) > 1:
            parts |= SplitSubsets(
                config.validation_fraction,
                seed=config.seed,
                validation_sources=self.validation_sources,
            )
        rows = parts | MakeRows(recipe.layout)
        if recipe.masks:
            rows |= MaskBlocks(recipe.masks)
        return rows | WriteShards(
            config.output,
            vocab_size=recipe.tokenizer.encoder.vocab_size,
            shard_format=config.format,
            metadata=recipe.shard_metadata,
            generation=self.generation,
            lease=self.lease,
            expected=self.expected,
        )


def _splits(
    pipeline: beam.Pipeline,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    purpose: str = "",
) -> beam.PCollection:
    """Return the splits of a plan, without the files that are left out.

    Each purpose has a root of its own: Beam's local engine cannot order a side input that comes
    from the same splits as what is compared with other inputs.
    """
    splits = pipeline | f"Splits{purpose}" >> ReadSplits(files.splits, files.secret_paths)
    if bad_files is None:
        return splits
    return splits | f"LeaveOutFiles{purpose}" >> LeaveOutFiles(bad_files)


def _bad_files(
    pipeline: beam.Pipeline, recipe: DatasetRecipe, plan: Plan, files: PlanFiles
) -> beam.PCollection | None:
    """Return the files with too many rejected records, None where they fail the job."""
    config = recipe.config
    if config.bad_files == "fail":
        return None
    label_numbers = _label_numbers(pipeline, recipe, plan, files, None, "ToCheck")
    reading = ReadReviews(plan.columns, sample_by=config.sample_by, label_numbers=label_numbers)
    return _splits(pipeline, files, None, "ToCheck") | FindBadFiles(
        reading, max_rejected_fraction=config.max_rejected_fraction
    )


def _label_numbers(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    purpose: str = "",
) -> beam.PCollection | None:
    """Return the numbers of label names, None where labels are no names of a column."""
    if not plan.labels_are_names:
        return None
    known = None if plan.earlier is None else plan.earlier.label_numbers
    splits = _splits(pipeline, files, bad_files, f"ForLabels{purpose}")
    config = recipe.config
    collecting = CollectLabels(config.label_column, known, config.problem_type)
    return splits | f"CollectLabels{purpose}" >> collecting


def _in_order(parts: beam.PCollection, recipe: DatasetRecipe, plan: Plan) -> beam.PCollection:
    """Return the parts as they become shards: shuffled, where the options say so."""
    n_buckets = recipe.n_buckets(plan)
    if not n_buckets:
        return parts
    return parts | ShuffleReviews(n_buckets, seed=recipe.config.seed, first=plan.splits.first)


def _tokenizing(recipe: DatasetRecipe, plan: Plan, threads: int) -> TokenizeReviews:
    """Return the transform that tokenizes, with the copy of the tokenizer in the output."""
    path = storage.join(recipe.config.output, recipe.tokenizer.entry(plan.tokenizer_folder).path)
    return TokenizeReviews(path, threads=threads)


def _unfinished(
    pipeline: beam.Pipeline,
    parts: beam.PCollection,
    recipe: DatasetRecipe,
    plan: Plan,
    contract: Contract | None,
) -> tuple[beam.PCollection, beam.PCollection]:
    """Return the parts to make, and the receipts of those that an earlier run has finished.

    A contract is about all reviews, so all of them are tokenized and counted; their shards are kept
    where they come out as they were.
    """
    if contract is not None:
        return parts, pipeline | "NoneKept" >> beam.Create([]).with_output_types(ShardReceipt)
    todo, kept = parts | KeepFinished(
        recipe.config.output,
        subsets=recipe.subsets,
        shard_format=recipe.config.format,
        fingerprint=recipe.fingerprint,
        generation=plan.generation,
    )
    return todo, kept


def _missing_columns(
    pipeline: beam.Pipeline,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    contract: Contract | None,
) -> beam.PCollection | None:
    """Return which files lack which expected columns, None where none are expected."""
    if contract is None or contract.columns is None:
        return None
    splits = _splits(pipeline, files, bad_files, "ForColumns")
    return splits | FindMissingColumns(contract.columns)


def _measuring(
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    missing_columns: beam.PCollection | None,
    lease: Lease | None,
) -> WriteFigures:
    """Return the transform that counts what the report shows."""
    output, entry = recipe.config.output, recipe.tokenizer.entry(plan.tokenizer_folder)
    earlier = () if plan.earlier is None else plan.earlier.generations
    return WriteFigures(
        storage.join(output, figures_path(plan.generation)),
        storage.join(output, entry.path),
        unknown_id=entry.special_token_ids.get("unk"),
        max_length=recipe.layout.max_length,
        inputs=files.inputs,
        texts=storage.join(output, texts_path(plan.generation)),
        earlier_texts=[storage.join(output, texts_path(each.number)) for each in earlier],
        first_input=0 if plan.earlier is None else len(plan.earlier.inputs),
        missing_columns=missing_columns,
        lease=lease,
    )


def _parts_stand_alone(recipe: DatasetRecipe, plan: Plan) -> bool:
    """Return True where a part is made of one split, whatever stands in the others."""
    compared = recipe.config.dedup == "exact" or bool(plan.dedup_files)
    return not recipe.n_buckets(plan) and not compared


def _is_one_of(split: Split, numbers: Collection[int]) -> bool:
    return split.number in numbers


def _is_wanted(part: Part, keys: Collection[PartKey]) -> bool:
    return part.key in keys
