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
    shard_entry,
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
        find = beam.ParDo(_FindFinishedFn(self)).with_outputs("kept", "noted", main="todo")
        outputs = parts | "FindFinished" >> find
        return outputs["todo"], outputs["kept"], outputs["noted"]


class _FindFinishedFn(beam.DoFn):
    def __init__(self, keep: KeepFinished) -> None:
        self.output = keep.output
        self.subsets = keep.subsets
        self.shard_format = keep.shard_format
        self.fingerprint = keep.fingerprint
        self.generation = keep.generation
        self.notes = keep.notes
        self.kept = Metrics.counter("review_shards", KEPT_SHARDS)

    def process(
        self, part: Part
    ) -> Iterator[
        Part
        | beam.pvalue.TaggedOutput[Literal["kept"], ShardReceipt]
        | beam.pvalue.TaggedOutput[Literal["noted"], ReviewStatistics]
    ]:
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
            self.kept.inc(len(receipts))

    def _receipt(self, part: Part, subset: Subset) -> ShardReceipt | None:
        path = shard_path(subset, part.key, self.shard_format, self.generation)
        data = storage.read_if_there(storage.join(self.output, path))
        if data is None:
            return None
        return receipt_of(
            data,
            path=path,
            subset=subset,
            key=part.key,
            fingerprint=self.fingerprint,
            part_digest=part.digest,
        )


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
        writing = MapInBackground(
            "write",
            write_shard,
            output=self.output,
            vocab_size=self.vocab_size,
            shard_format=self.shard_format,
            metadata=self.metadata,
            generation=self.generation,
            lease=self.lease,
            expected=self.expected,
        )
        return parts | "WriteShard" >> beam.ParDo(writing).with_output_types(ShardReceipt)


def write_shard(
    part: PackedPart,
    *,
    output: str,
    vocab_size: int,
    shard_format: ShardFormat,
    metadata: Mapping[str, str],
    generation: int | None,
    lease: Lease | None = None,
    expected: Mapping[str, str] | None = None,
) -> ShardReceipt:
    """Write one shard, unless there is no row for it or it is there, and return what it holds.

    Raises:
        InputError: its rows are not the expected ones.
        OutputError: it cannot be written.
    """
    rows = part.packed.rows
    if not len(rows):
        return new_receipt(part, None)
    table = rows_table(
        rows,
        vocab_size=vocab_size,
        sources=part.index.sources,
        records=part.index.records,
        labels=part.index.labels,
    )
    content = content_sha256(table)
    data = shard_bytes(table, shard_format, {**metadata, **receipt_metadata(part, content)})
    path = shard_path(part.subset, part.key, shard_format, generation)
    _check_content(path, content, expected)

    def keep(there: bytes) -> ShardReceipt | None:
        return receipt_of(
            there,
            path=path,
            subset=part.subset,
            key=part.key,
            fingerprint=metadata.get(FINGERPRINT, ""),
            part_digest=part.digest,
        )

    kept = create_in_run(storage.join(output, path), data, lease, keep)
    if kept is not None:
        return kept
    entry = shard_entry(
        data,
        path=path,
        key=part.key,
        rows=len(rows),
        reviews=part.packed.ledger.reviews.written,
        tokens=part.packed.ledger.tokens.written,
        content=content,
    )
    return new_receipt(part, entry)


def _check_content(path: str, content: str, expected: Mapping[str, str] | None) -> None:
    """Raise `InputError` where a shard comes out with other rows than it has to have."""
    if expected is not None and expected.get(path) != content:
        raise InputError(
            f"{path} came out with other rows than the manifest names, so it was not written: its "
            f"inputs are not what they were"
        )
