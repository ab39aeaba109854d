"""Writing: rows become shard files; those that an unfinished run of the job left are kept."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms import storage
from transforms.background import MapInBackground
from transforms.functional.dataset.manifest_entries import Subset
from transforms.functional.dataset.receipts import (
    FINGERPRINT,
    new_receipt,
    receipt_metadata,
    receipt_of,
    shard_path,
)
from transforms.functional.dataset.shards import (
    ShardFormat,
    content_sha256,
    rows_table,
    shard_bytes,
)
from transforms.functional.elements import PackedPart, ShardReceipt
from transforms.functional.errors import InputError
from transforms.functional.figures.review_statistics import ReviewStatistics
from transforms.functional.reviews.reviews import Part
from transforms.storage.lease import Lease
from transforms.storage.run_writes import Notes, create_in_run

KEPT_SHARDS = "kept-shards"


@dataclass(eq=False)
class KeepFinished(beam.PTransform):
    """Take out the parts whose shards are there already, made of the same reviews.

    Args:
        output: Folder or URL of the dataset.
        subsets: The subsets that the job makes.
        shard_format: How it stores them.
        fingerprint: The fingerprint of the job.
        generation: Number of the generation that it makes.
        notes: Where it is noted what was counted of each part; None for nowhere.

    Example:
        `parts`: from `ReadReviews`; `finished`: a dataset that holds their shards, made by "f00d".

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     keep = KeepFinished(
        ...         finished, subsets=("train",), shard_format="arrow", fingerprint="f00d"
        ...     )
        ...     todo, kept, _ = pipeline | beam.Create(parts) | keep
        ...     _ = todo | "PrintTodo" >> beam.Map(print)
        ...     _ = kept | "PrintKept" >> beam.Map(lambda receipt: print(receipt.shard.path))
        train/000001/0000000-0000.arrow
    """

    output: str
    _: KW_ONLY
    subsets: tuple[Subset, ...]
    shard_format: ShardFormat
    fingerprint: str
    generation: int = 1
    notes: Notes | None = None

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(
        self, parts: beam.PCollection
    ) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        """Return PCollections of `Part`s to make, of `ShardReceipt`s kept, and their statistics."""
        find = beam.FlatMap(self.find).with_outputs("kept", "noted", main="todo")
        outputs = parts | "FindFinished" >> find
        return outputs["todo"], outputs["kept"], outputs["noted"]

    def find(
        self, part: Part
    ) -> Iterator[
        Part
        | beam.pvalue.TaggedOutput[Literal["kept"], ShardReceipt]
        | beam.pvalue.TaggedOutput[Literal["noted"], ReviewStatistics]
    ]:
        """Yield a part, or the receipts of its shards and what was noted of it."""
        receipts = [self._receipt(part, subset) for subset in self.subsets]
        if any(receipt is None for receipt in receipts):
            yield part
            return
        for receipt in receipts:
            yield beam.pvalue.TaggedOutput("kept", receipt)
        note = None if self.notes is None else self.notes.find(part)
        if note is not None:
            yield beam.pvalue.TaggedOutput("noted", note.statistics)
        # What an earlier attempt of this run has made is none of an earlier run.
        if self.notes is None or note is None or note.run != self.notes.run:
            Metrics.counter("review_shards", KEPT_SHARDS).inc(len(receipts))

    def _receipt(self, part: Part, subset: Subset) -> ShardReceipt | None:
        path = shard_path(subset, part.key, self.shard_format, self.generation)
        data = storage.read_if_there(storage.join(self.output, path))
        if data is None:
            return None
        return receipt_of(data, path, part, subset, self.fingerprint)


@dataclass(eq=False)
class WriteShards(beam.PTransform):
    """Write the rows of each part to `<subset>/<generation>/<split>-<part>.<format>`.

    Args:
        output: Folder or URL of the dataset.
        vocab_size: Number of ids of the tokenizer.
        shard_format: `arrow` or `parquet`.
        metadata: Goes into each shard's schema.
        generation: Number of the generation that the job makes; None for shards that lie as in
            format version 1.
        lease: The right to write; None where an engine runs the job later, without one.
        expected: The only content that shards may have, by their paths; None for any.

    Example:
        `packed`: from `MakeRows`; `folder`: where shards go.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(packed) | WriteShards(folder, vocab_size=4000)
        ...     _ = made | beam.Map(lambda receipt: print(receipt.shard.path))
        train/000001/0000000-0000.arrow
    """

    output: str
    _: KW_ONLY
    vocab_size: int
    shard_format: ShardFormat = "arrow"
    metadata: Mapping[str, str] = field(default_factory=dict)
    generation: int | None = 1
    lease: Lease | None = None
    expected: Mapping[str, str] | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ShardReceipt`, one for each part and subset."""
        writing = MapInBackground("write", self.write)
        return parts | "WriteShard" >> beam.ParDo(writing).with_output_types(ShardReceipt)

    def write(self, part: PackedPart) -> ShardReceipt:
        """Write one shard, unless there is no row for it or it is there; return what it holds.

        Raises:
            InputError: its rows are not the expected ones.
            OutputError: it cannot be written.
        """
        rows, subset, ledger = part.packed.rows, part.subset, part.packed.ledger
        if not len(rows):
            return ShardReceipt(shard=None, subset=subset, ledger=ledger)
        table = rows_table(
            rows,
            vocab_size=self.vocab_size,
            sources=part.index.sources,
            records=part.index.records,
            labels=part.index.labels,
        )
        content = content_sha256(table)
        metadata = {**self.metadata, **receipt_metadata(part, content)}
        data = shard_bytes(table, self.shard_format, metadata)
        path = shard_path(subset, part.key, self.shard_format, self.generation)
        if self.expected is not None and self.expected.get(path) != content:
            raise InputError(
                f"{path} came out with other rows than the manifest names, so it was not written: "
                f"its inputs are not what they were"
            )

        def keep(there: bytes) -> ShardReceipt | None:
            return receipt_of(there, path, part, subset, self.metadata.get(FINGERPRINT, ""))

        kept = create_in_run(storage.join(self.output, path), data, self.lease, keep)
        return kept or new_receipt(data, path, part.key, subset, len(rows), ledger, content)
