"""The steps that a job and a repair have in common: reading, their order, tokens, shards."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import apache_beam as beam

from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms import storage
from transforms.cleaning import CleanReviews, DropRepeated, FindRepeated
from transforms.functional.reviews.cleaning import Cleaning
from transforms.reading import ReadReviews, ReadSplits, TextTrial
from transforms.rejecting import LeaveOutFiles
from transforms.rows import MakeRows, MaskBlocks, SplitSubsets
from transforms.shuffling import ShuffleReviews
from transforms.storage.lease import Lease
from transforms.tokenization import TokenizeReviews
from transforms.writing import WriteShards

# Text whose hashes are compared in the memory of one worker: with reviews of 1,000 bytes some
# 270,000 rows, 11 MB.
BUCKET_TEXT_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What the steps are made of.

    Attributes:
        recipe: What is made.
        plan: What is read.
        files: Where the plan lies.
        lease: The right to write; None where an engine runs the job later, without one.
        threads: Threads that tokenize one part.
        scratch: Folder of this machine where a shuffle keeps the reviews, see `ShuffleReviews`.
    """

    recipe: DatasetRecipe
    plan: Plan
    files: PlanFiles
    lease: Lease | None = None
    threads: int = 1
    scratch: str | None = None

    @property
    def tokenizer_path(self) -> str:
        """Where workers find the tokenizer: its copy in the output."""
        entry = self.recipe.tokenizer.entry(self.plan.tokenizer_folder)
        return storage.join(self.recipe.config.output, entry.path)

    def splits(
        self, pipeline: beam.Pipeline, bad_files: beam.PCollection | None, purpose: str = ""
    ) -> beam.PCollection:
        """Return the splits of the plan, without the files that are left out.

        Each purpose has a root of its own: Beam's local engine cannot order a side input that comes
        from the same splits as what is compared with other inputs.
        """
        reading = ReadSplits(self.files.splits, self.files.secret_paths)
        splits = pipeline | f"Splits{purpose}" >> reading
        if bad_files is None:
            return splits
        return splits | f"LeaveOutFiles{purpose}" >> LeaveOutFiles(bad_files)

    def reading(self, label_numbers: beam.PCollection | None) -> ReadReviews:
        """Return the transform that reads the splits; `label_numbers` are those of names."""
        trial = None
        if self.recipe.tokenizer.encoder.patterns:  # It may give up on a text.
            trial = TextTrial(tokenizer_path=self.tokenizer_path, cleaning=self.recipe.cleaning)
        config = self.recipe.config
        return ReadReviews(
            self.plan.labels.columns,
            sample_by=config.sample_by,
            part_bytes=config.part_bytes,
            label_numbers=label_numbers,
            trial=trial,
        )

    def in_order(self, parts: beam.PCollection) -> beam.PCollection:
        """Return the parts as they become shards: shuffled, where the options say so."""
        n_buckets = self.recipe.n_buckets(self.plan)
        if not n_buckets:
            return parts
        seed, first = self.recipe.config.seed, self.plan.splits.first
        return parts | ShuffleReviews(n_buckets, seed=seed, first=first, scratch=self.scratch)

    def tokenizing(self) -> TokenizeReviews:
        """Return the transform that tokenizes, with the copy of the tokenizer in the output."""
        return TokenizeReviews(self.tokenizer_path, threads=self.threads)


@dataclass(eq=False)
class ReadCleanReviews(beam.PTransform):
    """Read the splits, clean the reviews, and leave out duplicates and excluded ones.

    Args:
        label_numbers: PCollection of at most one mapping from label names to numbers, or None.
    """

    steps: Steps
    _: KW_ONLY
    label_numbers: beam.PCollection | None

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        recipe, plan, files = self.steps.recipe, self.steps.plan, self.steps.files
        parts = self._clean_parts(splits)
        dedup = recipe.config.dedup == "exact"
        if not dedup and not plan.dedup_files:
            return parts
        text_bytes = plan.splits.text_bytes + sum(
            others.splits.text_bytes for others in plan.dedup_files
        )
        others = [
            (
                compared.source,
                splits.pipeline | f"ReadOthers{place}" >> ReadSplits(paths, files.secret_paths),
            )
            for place, (compared, paths) in enumerate(
                zip(plan.dedup_files, files.dedup_splits, strict=True)
            )
        ]
        # Read twice, since no runner should have to keep all texts until all are compared.
        repeated = self._clean_parts(splits, "ToCompare") | FindRepeated(
            max(1, -(-text_bytes // BUCKET_TEXT_BYTES)),
            dedup=dedup,
            others=others,
            cleaning=recipe.cleaning,
            part_bytes=recipe.config.part_bytes,
        )
        return parts | DropRepeated(repeated, dedup=dedup)

    def _clean_parts(self, splits: beam.PCollection, purpose: str = "") -> beam.PCollection:
        """Return the parts of some splits, with clean texts."""
        parts = splits | f"Read{purpose}" >> self.steps.reading(self.label_numbers)
        cleaning = self.steps.recipe.cleaning
        return (
            parts if cleaning == Cleaning() else parts | f"Clean{purpose}" >> CleanReviews(cleaning)
        )


@dataclass(eq=False)
class MakeShards(beam.PTransform):
    """Token ids to shards: subsets, rows, masks, files.

    Args:
        generation: Number of their generation; None for shards that lie as in format version 1.
        expected: The only content that shards may have, by their paths; None for any.
    """

    steps: Steps
    _: KW_ONLY
    generation: int | None
    expected: Mapping[str, str] | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ShardReceipt`."""
        recipe, config = self.steps.recipe, self.steps.recipe.config
        if len(recipe.subsets) > 1:
            parts |= SplitSubsets(
                config.validation_fraction,
                seed=config.seed,
                validation_sources=self.steps.plan.validation_sources,
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
            lease=self.steps.lease,
            expected=self.expected,
        )
