"""From splits to parts of clean reviews, of which none stands where the options forbid it."""

import apache_beam as beam

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from transforms.cleaning import CleanReviews
from transforms.duplicates import DropRepeated, FindRepeated
from transforms.functional.reviews.cleaning import Cleaning
from transforms.planned import ReadSplits
from transforms.reading import ReadReviews

# Text whose hashes are compared in the memory of one worker: with reviews of 1,000 bytes some
# 270,000 rows, 11 MB.
BUCKET_TEXT_BYTES = 256 << 20


def cleaning_of(config: JobConfig) -> Cleaning:
    """Return what is done to the text of each review."""
    return Cleaning(strip_html=config.strip_html, normalize=config.normalize)


class ReadCleanReviews(beam.PTransform):
    """Read the splits, clean the reviews, and leave out duplicates and excluded ones.

    Args:
        config: The job's options.
        plan: What to read, and what to compare with.
        files: The same, where workers find it.
        label_numbers: PCollection of one mapping from label names to numbers, or None.
    """

    def __init__(
        self,
        config: JobConfig,
        plan: Plan,
        files: PlanFiles,
        *,
        label_numbers: beam.PCollection | None = None,
    ) -> None:
        """Work out the steps."""
        super().__init__()
        self.reading = ReadReviews(
            plan.columns,
            sample_by=config.sample_by,
            part_bytes=config.part_bytes,
            label_numbers=label_numbers,
        )
        self.cleaning = cleaning_of(config)
        self.dedup = config.dedup == "exact"
        self.references = [files.reference for files in plan.references]
        self.files = files
        self.part_bytes = config.part_bytes
        text_bytes = plan.text_bytes + sum(files.text_bytes for files in plan.references)
        self.n_buckets = max(1, -(-text_bytes // BUCKET_TEXT_BYTES))

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        parts = self._clean_parts(splits)
        if not self.dedup and not self.references:
            return parts
        # Read twice, since no runner should have to keep all texts until all are compared.
        repeated = self._clean_parts(splits, "ToCompare") | FindRepeated(
            self.n_buckets,
            dedup=self.dedup,
            references=list(zip(self.references, self._references(splits.pipeline), strict=True)),
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

    def _references(self, pipeline: beam.Pipeline) -> list[beam.PCollection]:
        """Return the splits of each reference."""
        return [
            pipeline | f"ReadReferences{place}" >> ReadSplits(paths, self.files.secret_paths)
            for place, paths in enumerate(self.files.references)
        ]
