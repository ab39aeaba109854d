"""From splits to parts of clean reviews, of which none stands where the options forbid it."""

import apache_beam as beam

from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms import storage
from transforms.cleaning import CleanReviews, DropRepeated, FindRepeated
from transforms.functional.reviews.cleaning import Cleaning
from transforms.reading import ReadReviews, ReadSplits, TextTrial

# Text whose hashes are compared in the memory of one worker: with reviews of 1,000 bytes some
# 270,000 rows, 11 MB.
BUCKET_TEXT_BYTES = 256 << 20


def tokenizer_path(recipe: DatasetRecipe, plan: Plan) -> str:
    """Return where workers find the tokenizer: its copy in the output."""
    return storage.join(recipe.config.output, recipe.tokenizer.entry(plan.tokenizer_folder).path)


def text_trial(recipe: DatasetRecipe, plan: Plan) -> TextTrial | None:
    """Return what tries texts with the tokenizer; None where it gives up on none."""
    if not recipe.tokenizer.encoder.patterns:
        return None
    return TextTrial(tokenizer_path=tokenizer_path(recipe, plan), cleaning=recipe.cleaning)


class ReadCleanReviews(beam.PTransform):
    """Read the splits, clean the reviews, and leave out duplicates and excluded ones.

    Args:
        label_numbers: PCollection of at most one mapping from label names to numbers, or None.
    """

    def __init__(
        self,
        recipe: DatasetRecipe,
        plan: Plan,
        files: PlanFiles,
        *,
        label_numbers: beam.PCollection | None = None,
    ) -> None:
        """Work out the steps."""
        super().__init__()
        config = recipe.config
        self.reading = ReadReviews(
            plan.columns,
            sample_by=config.sample_by,
            part_bytes=config.part_bytes,
            label_numbers=label_numbers,
            trial=text_trial(recipe, plan),
        )
        self.cleaning = recipe.cleaning
        self.dedup = config.dedup == "exact"
        self.dedup_sources = [files.source for files in plan.dedup_files]
        self.files = files
        self.part_bytes = config.part_bytes
        text_bytes = plan.text_bytes + sum(files.text_bytes for files in plan.dedup_files)
        self.n_buckets = max(1, -(-text_bytes // BUCKET_TEXT_BYTES))

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        parts = self._clean_parts(splits)
        if not self.dedup and not self.dedup_sources:
            return parts
        # Read twice, since no runner should have to keep all texts until all are compared.
        repeated = self._clean_parts(splits, "ToCompare") | FindRepeated(
            self.n_buckets,
            dedup=self.dedup,
            others=list(zip(self.dedup_sources, self._dedup_splits(splits.pipeline), strict=True)),
            cleaning=self.cleaning,
            part_bytes=self.part_bytes,
        )
        return parts | DropRepeated(repeated, dedup=self.dedup)

    def _clean_parts(self, splits: beam.PCollection, purpose: str = "") -> beam.PCollection:
        """Return the parts of some splits, with clean texts."""
        parts = splits | f"Read{purpose}" >> self.reading
        if self.cleaning == Cleaning():
            return parts
        return parts | f"Clean{purpose}" >> CleanReviews(self.cleaning)

    def _dedup_splits(self, pipeline: beam.Pipeline) -> list[beam.PCollection]:
        """Return the splits of each of the sources."""
        return [
            pipeline | f"ReadOthers{place}" >> ReadSplits(paths, self.files.secret_paths)
            for place, paths in enumerate(self.files.dedup_splits)
        ]
