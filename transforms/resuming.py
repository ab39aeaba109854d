"""Resuming: what an earlier run of the same job finished is kept, the rest is made."""

from collections.abc import Iterator
from typing import Literal

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms import storage
from transforms.functional.dataset.manifest import Subset
from transforms.functional.dataset.receipts import receipt_of, shard_path
from transforms.functional.dataset.shards import ShardFormat
from transforms.functional.elements import ShardReceipt
from transforms.functional.reviews.reviews import Part

KEPT_SHARDS = "kept-shards"


class KeepFinished(beam.PTransform):
    """Take out the parts whose shards are there already, made of the same reviews.

    Args:
        output: Folder or URL of the dataset.
        subsets: The subsets that the job makes.
        shard_format: How it stores them.
        fingerprint: The fingerprint of the job.

    Example:
        `parts`: from `ReadReviews`; `finished`: a dataset that holds their shards, made by "f00d".

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     keep = KeepFinished(
        ...         finished, subsets=("train",), shard_format="arrow", fingerprint="f00d"
        ...     )
        ...     todo, kept = pipeline | beam.Create(parts) | keep
        ...     _ = todo | "PrintTodo" >> beam.Map(print)
        ...     _ = kept | "PrintKept" >> beam.Map(lambda receipt: print(receipt.shard.path))
        train/0000000-0000.arrow
    """

    def __init__(
        self,
        output: str,
        *,
        subsets: tuple[Subset, ...],
        shard_format: ShardFormat,
        fingerprint: str,
    ) -> None:
        """Store the options."""
        super().__init__()
        self.find = _FindFinishedFn(output, subsets, shard_format, fingerprint)

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(self, parts: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Return PCollections of the `Part`s to make, and of the `ShardReceipt`s kept."""
        outputs = parts | "FindFinished" >> beam.ParDo(self.find).with_outputs("kept", main="todo")
        return outputs["todo"], outputs["kept"]


class _FindFinishedFn(beam.DoFn):
    def __init__(
        self,
        output: str,
        subsets: tuple[Subset, ...],
        shard_format: ShardFormat,
        fingerprint: str,
    ) -> None:
        self.output = output
        self.subsets = subsets
        self.shard_format: ShardFormat = shard_format
        self.fingerprint = fingerprint
        self.kept = Metrics.counter("review_shards", KEPT_SHARDS)

    def process(
        self, part: Part
    ) -> Iterator[Part | beam.pvalue.TaggedOutput[Literal["kept"], ShardReceipt]]:
        receipts = [self._receipt(part, subset) for subset in self.subsets]
        if any(receipt is None for receipt in receipts):
            yield part
            return
        self.kept.inc(len(receipts))
        for receipt in receipts:
            yield beam.pvalue.TaggedOutput("kept", receipt)

    def _receipt(self, part: Part, subset: Subset) -> ShardReceipt | None:
        path = shard_path(subset, part.key, self.shard_format)
        try:
            data = storage.read_bytes(storage.join(self.output, path))
        except FileNotFoundError:
            return None
        return receipt_of(
            data,
            subset=subset,
            key=part.key,
            shard_format=self.shard_format,
            fingerprint=self.fingerprint,
            part_digest=part.digest,
        )
