"""The rows of a finished dataset in a pipeline."""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa

from transforms.finished.shards import read_table
from transforms.finished.views import open_dataset
from transforms.functional.dataset.manifest_entries import ShardEntry


@dataclass(eq=False)
class ReadShards(beam.PTransform):
    """Read the committed rows of a dataset, each shard checked against the manifest.

    Args:
        url: Folder or URL of the dataset, or one of its manifests.
        subset: `train` or `validation`.
        generation: Number of a generation; None for the newest when the pipeline runs.
        columns: Names of columns; None for all.
        as_batches: Give Arrow record batches of a few thousand rows instead of dicts.

    Example:
        `dataset`: a dataset.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     rows = pipeline | ReadShards(dataset, columns=("labels",))
        ...     counts = rows | beam.combiners.Count.Globally()
        ...     _ = counts | beam.Map(print)
        277
    """

    url: str
    subset: str = "train"
    _: KW_ONLY
    generation: int | None = None
    columns: Sequence[str] | None = None
    as_batches: bool = False

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Return a PCollection of dicts, or of `pyarrow.RecordBatch`; in no order."""
        shards = (
            pipeline
            | "Dataset" >> beam.Create([self.url])
            | "FindShards"
            >> beam.FlatMap(
                _find_shards, self.generation, self.subset, self.columns
            ).with_output_types(tuple[str, ShardEntry])
            # Without it one worker reads every shard.
            | "SpreadShards" >> beam.Reshuffle()
        )
        if self.as_batches:
            reads = "ReadBatches" >> beam.FlatMap(read_batches, self.columns)
            return shards | reads.with_output_types(pa.RecordBatch)
        reads = "ReadRows" >> beam.FlatMap(_read_rows, self.columns)
        return shards | reads.with_output_types(dict[str, Any])


def _find_shards(
    url: str, generation: int | None, subset: str, columns: Sequence[str] | None
) -> Iterator[tuple[str, ShardEntry]]:
    rows = open_dataset(url, generation)[subset]
    rows.column_names(columns)
    for shard in rows.shards:
        yield rows.dataset.folder, shard


def read_batches(
    place: tuple[str, ShardEntry], columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one shard.

    Raises:
        DatasetError: it is not what the manifest says.
    """
    table = read_table(*place, check_hash=True)
    yield from (table if columns is None else table.select(list(columns))).to_batches()


def _read_rows(
    place: tuple[str, ShardEntry], columns: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    for batch in read_batches(place, columns):
        yield from batch.to_pylist()
