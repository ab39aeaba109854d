"""Writing: rows become shard files."""

from collections.abc import Mapping

import apache_beam as beam

from transforms import storage
from transforms.background import MapInBackground
from transforms.functional.dataset.receipts import (
    new_receipt,
    receipt_metadata,
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


class WriteShards(beam.PTransform):
    """Write the rows of each part to `OUTPUT/<subset>/<split>-<part>.<format>`, atomically.

    Args:
        output: Folder or URL of the dataset.
        vocab_size: Number of ids of the tokenizer.
        shard_format: `arrow` or `parquet`.
        metadata: Goes into each shard's schema.

    Example:
        `packed`: from `PackBlocks`; `folder`: where shards go.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(packed) | WriteShards(folder, vocab_size=4000)
        ...     _ = made | beam.Map(lambda receipt: print(receipt.shard.path))
        train/0000000-0000.arrow
    """

    def __init__(
        self,
        output: str,
        *,
        vocab_size: int,
        shard_format: ShardFormat = "arrow",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Store the options."""
        super().__init__()
        self.output = output
        self.vocab_size = vocab_size
        self.shard_format = shard_format
        self.metadata = dict(metadata or {})

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ShardReceipt`, one for each part and subset."""
        writing = MapInBackground(
            "write",
            write_shard,
            output=self.output,
            vocab_size=self.vocab_size,
            shard_format=self.shard_format,
            metadata=self.metadata,
        )
        return parts | "WriteShard" >> beam.ParDo(writing).with_output_types(ShardReceipt)


def write_shard(
    part: PackedPart,
    *,
    output: str,
    vocab_size: int,
    shard_format: ShardFormat,
    metadata: Mapping[str, str],
) -> ShardReceipt:
    """Write one shard, unless there is no row for it, and return what it holds."""
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
    path = shard_path(part.subset, part.key, shard_format)
    storage.write_atomic(storage.join(output, path), data)
    entry = shard_entry(
        data,
        path=path,
        key=part.key,
        rows=len(rows),
        reviews=part.packed.reviews_written,
        tokens=part.packed.tokens.written,
        content=content,
    )
    return new_receipt(part, entry)
