"""Rejected records: written down with their place and the reason, never lost."""

import base64
import json
from dataclasses import dataclass, replace

import apache_beam as beam

from transforms import storage
from transforms.functional.elements import ReadReceipt
from transforms.functional.input_names import input_name
from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.reject_reasons import count_reasons
from transforms.functional.reviews.reviews import Part

REJECTED_FOLDER = "rejected"


@dataclass(eq=False)
class WriteRejected(beam.PTransform):
    """Write the rejected records of each part to `OUTPUT/rejected/`, and count what was read.

    Args:
        output: Folder or URL of the dataset.

    Example:
        `parts`: from `ReadReviews`; `folder`: the dataset.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(parts) | WriteRejected(folder)
        ...     _ = made | beam.Map(lambda receipt: print(receipt.reviews.rejected))
        1
    """

    output: str

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `ReadReceipt`, one a part."""
        return parts | "WriteRejectedRecords" >> beam.Map(
            write_rejected, output=self.output
        ).with_output_types(ReadReceipt)


def write_rejected(part: Part, *, output: str) -> ReadReceipt:
    """Write a part's rejected records, if there are any, and return what was read."""
    if part.rejected:
        path = storage.join(output, REJECTED_FOLDER, f"{part.key}.jsonl")
        storage.write_atomic(path, rejected_lines(part))
    return ReadReceipt(
        key=part.key,
        last=part.last,
        reviews=_counts(part),
        reasons=count_reasons(item.reason for item in part.rejected),
    )


def _counts(part: Part) -> ReviewCounts:
    gone = part.cleaning.duplicates + part.cleaning.excluded
    n_rejected = len(part.rejected)
    return replace(
        part.cleaning, read=part.reviews.num_rows + gone + n_rejected, rejected=n_rejected
    )


def rejected_lines(part: Part) -> bytes:
    """Return JSON Lines: file, record, reason, and the record's bytes.

    `raw` holds the bytes as text where they are UTF-8, `raw_base64` holds them where they are not.
    `text` is null: the place for the review once somebody has mended it, so that the file is an
    input of another job as it stands. A record that nobody mends is rejected again.
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
