"""Names of files become splits, which `ReadReviews` reads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam

from transforms import (
    coders,  # noqa: F401 - registers the coder for splits
    storage,
)
from transforms.functional.errors import InputError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import format_of
from transforms.functional.reviews.splits import SizedFile, Split, plan_splits
from transforms.functional.unpacking.compression import compression_of


@dataclass(eq=False)
class SplitFiles(beam.PTransform):
    """Plan what one worker reads: ranges of large files, and small files together.

    Parquet and Arrow files, compressed ones and CSV are read as a whole. A file's number, the
    `source` of its reviews, is its place among all paths in alphabetical order.

    Args:
        part_bytes: About how many bytes of text a split holds.

    Example:
        >>> paths = ["tests/sample/reviews.jsonl"]
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     splits = pipeline | beam.Create(paths) | SplitFiles()
        ...     parts = splits | ReadReviews(ReviewColumns(text="text"))
        ...     _ = parts | beam.Map(lambda part: print(part.reviews.num_rows))
        277
    """

    part_bytes: int = 32 << 20

    def expand(self, paths: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Split`."""
        return (
            paths
            # All paths at one place: numbers come from their order, never from their arrival.
            | "AllPaths" >> beam.combiners.ToList()
            | "PlanSplits" >> beam.FlatMap(splits_of, self.part_bytes).with_output_types(Split)
            # Without it one worker reads all of them.
            | "SpreadSplits" >> beam.Reshuffle()
        )


def splits_of(paths: Iterable[str], part_bytes: int) -> Iterator[Split]:
    """Yield the splits of some files.

    Raises:
        InputError: one is not there.
        UsageError: its ending does not tell its format.
    """
    files = (_sized_file(source, path) for source, path in enumerate(sorted(set(paths))))
    yield from plan_splits(files, part_bytes)


def _sized_file(source: int, path: str) -> SizedFile:
    info = storage.info_of(path)
    if info is None or info["type"] != "file":
        raise InputError(f"{path}: there is no such file: give paths or URLs of files")
    n_bytes, kind = int(info["size"]), format_of(path)
    file = FileRange(
        source=source,
        path=storage.absolute_path(path),
        format=kind,
        compression=compression_of(path),
        bytes=n_bytes,
    )
    # A `.json` file may be one array.
    return SizedFile(file=file, bytes=n_bytes, whole=kind == "json")
