"""Committing: the receipts of all parts become the manifest, and the dataset exists."""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import apache_beam as beam

from transforms import storage
from transforms.functional.dataset.commit import ManifestDraft, complete_manifest
from transforms.functional.dataset.manifest import MANIFEST_NAME, InputEntry
from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import BadFile
from transforms.storage.generations import generation_path, publish, read_manifest
from transforms.storage.lease import Lease


@dataclass(eq=False)
class WriteManifest(beam.PTransform):
    """Check the ledger over all receipts, and write the manifest.

    It takes a pair of PCollections, `(read_receipts, shard_receipts)`.

    Args:
        output: Folder or URL of the dataset.
        draft: What is known of the manifest before the job.
        inputs: Path of a Parquet file with the manifest's entries of the inputs.
        label_numbers: PCollection of one mapping from label names to numbers, or None.
        bad_files: PCollection of the `BadFile`s that were left out, or None.
        after: PCollection of what has to be there before the dataset is, or None.
        lease: The right to write; None where an engine runs the job later, without one.

    Example:
        `parts`: from `ReadReviews`; `packed`: from `MakeRows`; `folder`: the dataset; `draft`: a
        `ManifestDraft`; `inputs`: the file with the entries.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     read = pipeline | "Parts" >> beam.Create(parts) | WriteRejected(folder)
        ...     rows = pipeline | "Rows" >> beam.Create(packed)
        ...     shards = rows | WriteShards(folder, vocab_size=4000)
        ...     _ = (read, shards) | WriteManifest(folder, draft, inputs)
        >>> read_manifest(folder).ledger.reviews.read
        278
    """

    output: str
    draft: ManifestDraft
    inputs: str
    _: KW_ONLY
    label_numbers: beam.PCollection | None = None
    bad_files: beam.PCollection | None = None
    after: beam.PCollection | None = None
    lease: Lease | None = None

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(self, receipts: Any) -> beam.PCollection:
        """Return a PCollection of the manifest's path."""
        side: dict[str, Any] = {}
        if self.label_numbers is not None:
            side["label_numbers"] = beam.pvalue.AsIter(self.label_numbers)
        if self.bad_files is not None:
            side["bad_files"] = beam.pvalue.AsIter(self.bad_files)
        if self.after is not None:
            side["after"] = beam.pvalue.AsIter(self.after)
        read, shards = receipts
        pipeline = read.pipeline
        return (
            pipeline
            | "One" >> beam.Impulse()
            | "Commit"
            >> beam.Map(
                _commit,
                beam.pvalue.AsIter(read),
                beam.pvalue.AsIter(shards),
                output=self.output,
                draft=self.draft,
                inputs=self.inputs,
                lease=self.lease,
                **side,
            ).with_output_types(str)
        )


def _commit(
    _: bytes,
    read: Iterable[ReadReceipt],
    shards: Iterable[ShardReceipt],
    *,
    output: str,
    draft: ManifestDraft,
    inputs: str,
    lease: Lease | None = None,
    label_numbers: Iterable[Mapping[str, int]] = (),
    bad_files: Iterable[BadFile] = (),
    after: Iterable[str] = (),
) -> str:
    earlier = read_manifest(output, generation_path(draft.earlier)) if draft.earlier else None
    entries = Records.from_parquet(InputEntry, storage.read_bytes(inputs))
    numbers = next(iter(label_numbers), None)
    manifest = complete_manifest(draft, entries, read, shards, numbers, earlier, bad_files)
    publish(output, manifest, lease)
    return storage.join(output, MANIFEST_NAME)
