"""Rejected records are written down, never lost; files that hold too many may be left out."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace

import apache_beam as beam

from transforms import storage
from transforms.functional.dataset.manifest import generation_folder
from transforms.functional.elements import ReadReceipt
from transforms.functional.input_names import input_name
from transforms.functional.reviews.bad_files import (
    BadFile,
    FileCounts,
    bad_file,
    count_by_file,
    count_files,
    count_reasons,
    leave_out,
    sum_counts,
)
from transforms.functional.reviews.reviews import Part, PartKey
from transforms.functional.reviews.splits import Split
from transforms.reading import ReadReviews, read_split_chunks, with_labels
from transforms.storage.lease import Lease
from transforms.storage.run_writes import create_in_run

REJECTED_FOLDER = "rejected"


@dataclass(eq=False)
class WriteRejected(beam.PTransform):
    """Write the rejected records of each part to a file of their own, and count what was read.

    Args:
        output: Folder or URL of the dataset.
        generation: Number of the generation that the job makes.
        lease: The right to write; None where an engine runs the job later, without one.

    Example:
        `parts`: from `ReadReviews`; `folder`: the dataset.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(parts) | WriteRejected(folder)
        ...     _ = made | beam.Map(lambda receipt: print(receipt.reviews.rejected))
        1
    """

    output: str
    _: KW_ONLY
    generation: int = 1
    lease: Lease | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ReadReceipt`, one a part."""
        return parts | "WriteRejectedRecords" >> beam.Map(self.write).with_output_types(ReadReceipt)

    def write(self, part: Part) -> ReadReceipt:
        """Write a part's rejected records, if there are any, and return what was read."""
        if part.rejected:
            path = storage.join(self.output, rejected_path(part.key, self.generation))
            create_in_run(path, rejected_lines(part), self.lease, keep=lambda _: None)
        gone = part.cleaning.duplicates + part.cleaning.excluded + part.cleaning.unlabelled
        n_rejected = len(part.rejected)
        n_read = part.reviews.num_rows + gone + n_rejected
        return ReadReceipt(
            key=part.key,
            last=part.last,
            reviews=replace(part.cleaning, read=n_read, rejected=n_rejected),
            reasons=count_reasons(item.reason for item in part.rejected),
            rejected_in=count_by_file(part.rejected),
        )


@dataclass(eq=False)
class FindBadFiles(beam.PTransform):
    """Find the files of which too many records are rejected, by reading all of them.

    Args:
        reading: How the job reads them.
        max_rejected_fraction: The largest share of rejected records that a good file has.

    Example:
        `splits`: what `plan_splits` cuts the files into. One record of 278 is no review.

        >>> reading = ReadReviews(ReviewColumns(text="text"))
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     given = pipeline | beam.Create(splits)
        ...     found = given | FindBadFiles(reading, max_rejected_fraction=0.001)
        ...     _ = found | beam.Map(lambda file: print(file.source, file.records, file.rejected))
        0 278 1
    """

    reading: ReadReviews
    _: KW_ONLY
    max_rejected_fraction: float

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `BadFile`."""
        return (
            splits
            | "CountRecords"
            >> beam.FlatMap(self.count, **self.reading.side_inputs_of_labels()).with_output_types(
                tuple[int, FileCounts]
            )
            | "GroupByFile" >> beam.GroupByKey()
            | "ChooseBadFiles"
            >> beam.FlatMap(_bad, self.max_rejected_fraction).with_output_types(BadFile)
        )

    def count(
        self, split: Split, label_numbers: Iterable[Mapping[str, int]] = ()
    ) -> Iterator[tuple[int, FileCounts]]:
        """Yield what a split holds of each of its files."""
        columns = with_labels(self.reading.columns, label_numbers)
        chunks = read_split_chunks(split, columns, self.reading.sample_by, self.reading.trial)
        return count_files(chunks)


@dataclass(eq=False)
class LeaveOutFiles(beam.PTransform):
    """Take files out of the splits that read them.

    Args:
        bad_files: What `FindBadFiles` found.

    Example:
        `splits`: what `plan_splits` cuts the files into, of one file.

        >>> bad = BadFile(source=0, records=9, rejected=8, reason="no JSON")
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     bad_files = pipeline | "Bad" >> beam.Create([bad])
        ...     made = pipeline | beam.Create(splits) | LeaveOutFiles(bad_files)
        ...     _ = made | beam.Map(lambda split: print(split.number, split.files))
        0 ()
    """

    bad_files: beam.PCollection

    def expand(self, splits: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Split`."""
        return splits | beam.Map(_leave_out, beam.pvalue.AsIter(self.bad_files)).with_output_types(
            Split
        )


def _bad(grouped: tuple[int, Iterable[FileCounts]], limit: float) -> Iterator[BadFile]:
    source, counts = grouped
    found = bad_file(source, sum_counts(counts), limit)
    if found is not None:
        yield found


def _leave_out(split: Split, bad_files: Iterable[BadFile]) -> Split:
    return leave_out(split, {file.source for file in bad_files})


def rejected_path(key: PartKey, generation: int) -> str:
    """Return the path of a part's rejected records, below the output."""
    return f"{generation_folder(REJECTED_FOLDER, generation)}/{key}.jsonl"


def rejected_lines(part: Part) -> bytes:
    """Return JSON Lines: file, record, reason, and the record's bytes.

    `raw` holds the bytes as text where they are UTF-8, `raw_base64` holds them where they are not.
    `text` is null: the place for the review once somebody has corrected it, so that the file is an
    input of another job as it stands. A record that nobody corrects is rejected again.
    """
    lines = []
    for item in part.rejected:
        record: dict[str, object] = {
            "file": input_name(item.path),
            "record": item.record,
            "reason": item.reason,
            "text": None,
        }
        try:
            record["raw"] = item.raw.decode("utf-8")
        except UnicodeDecodeError:
            record["raw_base64"] = base64.b64encode(item.raw).decode("ascii")
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines).encode()
