"""Reading: the splits of a plan become parts of reviews."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import IO, Literal

import apache_beam as beam

from transforms import storage
from transforms.functional.input_names import input_name
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import column_names, naming_file, read_file
from transforms.functional.readers.text import read_whole_files
from transforms.functional.reviews.cleaning import Cleaning
from transforms.functional.reviews.reviews import Part, ReviewChunk, cut_parts
from transforms.functional.reviews.splits import Split, load_splits
from transforms.functional.reviews.unencodable import reject_unencodable
from transforms.functional.unpacking.compression import decompress
from transforms.storage.input_files import open_files
from transforms.timing import timed
from transforms.tokenization import shared_tokenizer

SampleBy = Literal["line", "document"]

# All files of a compressed archive share a split, large ones too.
_WHOLE_BYTES = 64 << 20


@dataclass(eq=False)
class ReadSplits(beam.PTransform):
    """Read the splits of a plan, and spread them over the workers.

    Args:
        paths: Files with splits, which the planner has written.
        secret_paths: Input paths that hold a secret, by what stands for them in the files.

    Example:
        `splits`: what `plan_splits` cuts the files into; `folder`: where the planner writes.

        >>> storage.write_atomic(f"{folder}/splits.parquet", dump_splits(splits))
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | ReadSplits([f"{folder}/splits.parquet"], {})
        ...     _ = made | beam.Map(lambda split: print(split.number, split.files[0].format))
        0 jsonl
    """

    paths: Sequence[str]
    secret_paths: Mapping[str, str]

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Return a PCollection of `Split`."""
        paths = pipeline | "PlanFiles" >> beam.Create(self.paths)
        if len(self.paths) > 1:
            paths |= "SpreadPlanFiles" >> beam.Reshuffle()
        return (
            paths
            | "ReadPlan"
            >> beam.FlatMap(read_plan, secret_paths=self.secret_paths).with_output_types(Split)
            # Without it one worker reads every split of a plan file.
            | "SpreadSplits" >> beam.Reshuffle()
        )


@dataclass(frozen=True, kw_only=True)
class TextTrial:
    """Tries long texts with a tokenizer whose patterns may give up on some.

    Attributes:
        tokenizer_path: Path or URL of its `tokenizer.json`.
        cleaning: What will be done to the texts before they are tokenized.
    """

    tokenizer_path: str
    cleaning: Cleaning

    def __call__(self, chunk: ReviewChunk) -> ReviewChunk:
        """Return a chunk with only the reviews that can be tokenized, the others rejected."""
        encoder = shared_tokenizer(self.tokenizer_path).encoder
        return reject_unencodable(chunk, encoder, self.cleaning)


@dataclass(eq=False)
class ReadReviews(beam.PTransform):
    """Read the reviews of each split, in parts of at most `part_bytes` of text.

    Args:
        columns: The columns to read.
        sample_by: For plain text: a review a line, or a file one review.
        part_bytes: Most bytes of text in a part.
        label_numbers: PCollection of at most one mapping from label names to numbers
            (`CollectLabels`); None where `columns` says it all.
        trial: Rejects the texts that cannot be tokenized; None where all can.

    Example:
        `splits`: what `plan_splits` cuts the files into.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(splits) | ReadReviews(ReviewColumns(text="text"))
        ...     _ = made | beam.Map(lambda part: print(part.reviews.num_rows))
        277
    """

    columns: ReviewColumns
    _: KW_ONLY
    sample_by: SampleBy = "line"
    part_bytes: int = 32 << 20
    label_numbers: beam.PCollection | None = None
    trial: TextTrial | None = None

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        return splits | "ReadParts" >> beam.FlatMap(
            timed("read", read_split),
            columns=self.columns,
            sample_by=self.sample_by,
            part_bytes=self.part_bytes,
            trial=self.trial,
            **self.side_inputs_of_labels(),
        ).with_output_types(Part)

    def side_inputs_of_labels(self) -> dict[str, beam.pvalue.AsIter]:
        """Return what a function gets besides the splits, by the names of its arguments."""
        if self.label_numbers is None:
            return {}
        return {"label_numbers": beam.pvalue.AsIter(self.label_numbers)}


@dataclass(eq=False)
class FindMissingColumns(beam.PTransform):
    """Find the files that lack a column.

    Args:
        columns: The columns that each file should have.

    Example:
        `splits`: what `plan_splits` cuts the files into, of one file.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(splits) | FindMissingColumns(("text", "stars"))
        ...     _ = made | beam.Map(lambda found: print(found[1]))
        ['stars']
    """

    columns: Sequence[str]

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of pairs: the path of a file, and the columns that it lacks."""
        return splits | "LookAtColumns" >> beam.FlatMap(
            missing_columns, self.columns
        ).with_output_types(tuple[str, list[str]])


def missing_columns(split: Split, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the files that begin in a split and lack columns, with the columns."""
    for file, stream in open_files([file for file in split.files if file.start == 0]):
        names = column_names(stream, file)
        missing = [] if names is None else [name for name in columns if name not in names]
        if missing:
            yield input_name(file.path), missing


def read_plan(path: str, secret_paths: Mapping[str, str]) -> Iterator[Split]:
    """Yield the splits in a plan file, with the paths of their inputs made whole."""
    for split in load_splits(storage.read_bytes(path)):
        files = (replace(file, path=secret_paths.get(file.path, file.path)) for file in split.files)
        yield replace(split, files=tuple(files))


def read_split(
    split: Split,
    *,
    columns: ReviewColumns,
    sample_by: SampleBy,
    part_bytes: int,
    label_numbers: Iterable[Mapping[str, int]] = (),
    trial: TextTrial | None = None,
) -> Iterator[Part]:
    """Yield the parts of one split, one in memory at a time."""
    chunks = read_split_chunks(split, with_labels(columns, label_numbers), sample_by, trial)
    paths = {file.source: file.path for file in split.files}
    for part in cut_parts(chunks, split.number, part_bytes):
        rejected = tuple(replace(item, path=paths[item.source]) for item in part.rejected)
        yield replace(part, rejected=rejected)


def with_labels(
    columns: ReviewColumns, label_numbers: Iterable[Mapping[str, int]]
) -> ReviewColumns:
    """Return the columns with the numbers of label names, where the job collected any."""
    return replace(columns, label_numbers=next(iter(label_numbers), columns.label_numbers))


def read_split_chunks(
    split: Split, columns: ReviewColumns, sample_by: SampleBy, trial: TextTrial | None = None
) -> Iterator[ReviewChunk]:
    """Yield the chunks of all files of a split, in order."""
    chunks = _untried_chunks(split, columns, sample_by)
    return chunks if trial is None else map(trial, chunks)


def _untried_chunks(
    split: Split, columns: ReviewColumns, sample_by: SampleBy
) -> Iterator[ReviewChunk]:
    opened = open_files(split.files)
    if len(split.files) > 1 and all(_is_small_text(file, sample_by) for file in split.files):
        files = ((file, _unpacked(file, stream)) for file, stream in opened)
        yield from read_whole_files(files, sample_by)
        return
    for file, stream in opened:
        yield from read_file(stream, file, columns, sample_by)


def _is_small_text(file: FileRange, sample_by: SampleBy) -> bool:
    # Nobody knows how much a compressed file holds: line by line, it is read as a large one.
    plain = file.compression is None and (file.bytes or 0) <= _WHOLE_BYTES
    return file.format == "text" and (plain or sample_by == "document")


def _unpacked(file: FileRange, stream: IO[bytes]) -> bytes:
    with naming_file(file):
        return decompress(stream, file.compression).read()
