"""The composition root: the whole pipeline, from splits to the manifest."""

from collections.abc import Mapping

import apache_beam as beam

from beam_pipeline.options.config import JobConfig
from beam_pipeline.output.output_folder import REPORT_NAME
from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.tokenizer_source import TokenizerSource
from beam_pipeline.reading import ReadCleanReviews
from transforms import storage
from transforms.committing import WriteManifest
from transforms.functional.dataset.commit import ManifestDraft
from transforms.functional.dataset.manifest import Subset, fingerprint_of
from transforms.functional.dataset.receipts import FINGERPRINT
from transforms.functional.dataset.shards import FORMAT_VERSION
from transforms.functional.rows.masking import MaskRecipe
from transforms.functional.rows.padding import RowLayout
from transforms.labels import CollectLabels
from transforms.masking import MaskBlocks
from transforms.measuring import WriteFigures
from transforms.packing import PackBlocks, PadReviews, SplitSubsets
from transforms.reading import ReadSplits
from transforms.rejecting import WriteRejected
from transforms.resuming import KeepFinished
from transforms.shuffling import ShuffleReviews
from transforms.tokenization import TokenizeReviews
from transforms.writing import WriteShards


def build(
    pipeline: beam.Pipeline,
    config: JobConfig,
    plan: Plan,
    files: PlanFiles,
    tokenizer: TokenizerSource,
    *,
    threads: int = 1,
) -> None:
    """Add the job to a pipeline.

    Args:
        pipeline: An empty pipeline.
        config: The job's options.
        plan: What to read.
        files: The same, where workers find it.
        tokenizer: The tokenizer, whose files lie in the output already.
        threads: Threads that tokenize one part.
    """
    splits = pipeline | ReadSplits(files.splits, files.secret_paths)
    label_numbers = None
    if plan.labels_are_names:
        known = None if plan.earlier is None else plan.earlier.label_numbers
        # From a root of its own: Beam's local engine cannot order a side input that comes from the
        # same splits as what is compared with other inputs.
        label_numbers = (
            pipeline
            | "SplitsForLabels" >> ReadSplits(files.splits, files.secret_paths)
            | CollectLabels(config.label_column, known)
        )
    parts = splits | ReadCleanReviews(config, plan, files, label_numbers=label_numbers)
    read = parts | WriteRejected(config.output)
    if config.order == "shuffled":
        n_buckets = n_buckets_of(config, plan)
        parts |= ShuffleReviews(n_buckets, seed=config.seed, first=plan.splits.first)
    todo, kept = parts | KeepFinished(
        config.output,
        subsets=subsets_of(config),
        shard_format=config.format,
        fingerprint=fingerprint(config, tokenizer),
    )
    tokenized = todo | tokenizing(config, tokenizer, threads)
    (tokenized, read) | measuring(config, tokenizer)
    made = tokenized | MakeRows(config, tokenizer) | writing(config, tokenizer)
    shards = (made, kept) | "AllShards" >> beam.Flatten()
    draft = manifest_draft(config, plan, tokenizer)
    (read, shards) | WriteManifest(config.output, draft, files.inputs, label_numbers=label_numbers)


def n_buckets_of(config: JobConfig, plan: Plan) -> int:
    """Return how many parts a shuffle makes."""
    return max(1, -(-plan.text_bytes // config.part_bytes))


def subsets_of(config: JobConfig) -> tuple[Subset, ...]:
    """Return the subsets that a job makes."""
    return ("train", "validation") if config.validation_fraction > 0 else ("train",)


def tokenizing(config: JobConfig, tokenizer: TokenizerSource, threads: int) -> TokenizeReviews:
    """Return the transform that tokenizes, with the copy of the tokenizer in the output."""
    return TokenizeReviews(storage.join(config.output, tokenizer.entry().path), threads=threads)


def measuring(config: JobConfig, tokenizer: TokenizerSource) -> WriteFigures:
    """Return the transform that counts what the report shows."""
    entry = tokenizer.entry()
    return WriteFigures(
        storage.join(config.output, REPORT_NAME),
        storage.join(config.output, entry.path),
        unknown_id=entry.special_token_ids.get("unk"),
        max_length=config.max_length,
    )


def writing(config: JobConfig, tokenizer: TokenizerSource) -> WriteShards:
    """Return the transform that writes rows as shards."""
    return WriteShards(
        config.output,
        vocab_size=tokenizer.encoder.vocab_size,
        shard_format=config.format,
        metadata=shard_metadata(config, tokenizer),
    )


class MakeRows(beam.PTransform):
    """Token ids to rows, as the task says: subsets, packing or padding, masks.

    Args:
        config: The job's options.
        tokenizer: Gives template, padding and mask.
    """

    def __init__(self, config: JobConfig, tokenizer: TokenizerSource) -> None:
        """Work out the layout; a tokenizer that lacks a token for it is an error here."""
        super().__init__()
        self.validation_fraction = config.validation_fraction
        self.seed = config.seed
        self.make_rows = row_maker(config, tokenizer)
        self.masks = mask_recipe(config, tokenizer)

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        if self.validation_fraction > 0:
            parts |= SplitSubsets(self.validation_fraction, seed=self.seed)
        rows = parts | self.make_rows
        return rows | MaskBlocks(self.masks) if self.masks else rows


def row_maker(config: JobConfig, tokenizer: TokenizerSource) -> PackBlocks | PadReviews:
    """Return the transform that makes rows for the task."""
    template = tokenizer.template
    if config.task == "mlm":
        pad = config.remainder == "pad"
        return PackBlocks(
            config.max_length,
            template=template,
            remainder=config.remainder,
            pad_id=tokenizer.need("pad", "--remainder pad") if pad else None,
        )
    fixed = config.padding == "max_length"
    return PadReviews(
        RowLayout(
            max_length=config.max_length,
            template=template,
            padding=config.padding,
            overflow=config.overflow,
            stride=config.stride,
            pad_id=tokenizer.need("pad", "--padding max_length") if fixed else None,
            padding_side=tokenizer.special.padding_side,
            truncation_side=tokenizer.special.truncation_side,
        )
    )


def mask_recipe(config: JobConfig, tokenizer: TokenizerSource) -> MaskRecipe | None:
    """Return how static masks are made, None where none are."""
    if config.masking == "dynamic":
        return None
    return MaskRecipe(
        mask_id=tokenizer.need("mask", "--masking static"),
        vocab_size=tokenizer.encoder.vocab_size,
        # Most templates are of special tokens anyway, but none has to be.
        special_ids=tuple(sorted({*tokenizer.special_ids, *tokenizer.template.ids})),
        probability=config.mlm_probability,
        whole_words=config.whole_word_masking,
        seed=config.seed,
    )


def shard_metadata(config: JobConfig, tokenizer: TokenizerSource) -> Mapping[str, str]:
    """Return what each shard's schema says of the dataset."""
    return {
        "review_shards.format_version": str(FORMAT_VERSION),
        FINGERPRINT: fingerprint(config, tokenizer),
        "review_shards.tokenizer_sha256": tokenizer.sha256,
    }


def fingerprint(config: JobConfig, tokenizer: TokenizerSource) -> str:
    """Return the hash of everything but the inputs that decides the bytes."""
    return fingerprint_of(config.dataset_options(), tokenizer.files)


def manifest_draft(config: JobConfig, plan: Plan, tokenizer: TokenizerSource) -> ManifestDraft:
    """Return what is known of the manifest before the job runs."""
    n_buckets = n_buckets_of(config, plan) if config.order == "shuffled" else 0
    return ManifestDraft(
        fingerprint=fingerprint(config, tokenizer),
        task=config.task,
        max_length=config.max_length,
        config=config.dataset_options(),
        tokenizer=tokenizer.entry(),
        n_splits=len(plan.splits),
        n_numbers=max(len(plan.splits), n_buckets),
        excluded=tuple(files.entry for files in plan.dedup_files if files.entry is not None),
        subsets=subsets_of(config),
        max_rejected_fraction=config.max_rejected_fraction,
        label_numbers=plan.label_numbers,
        earlier=0 if plan.earlier is None else len(plan.earlier.generations),
    )
