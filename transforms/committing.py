"""Committing: the receipts of all parts become the manifest, and the dataset exists."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import apache_beam as beam

from transforms import storage
from transforms.functional.dataset.commit import ManifestDraft, complete_manifest
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.errors import ContractError
from transforms.functional.figures.contract import Contract, broken_expectations
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import BadFile
from transforms.functional.wording import counted
from transforms.storage.generations import figures_path, generation_path, publish, read_manifest
from transforms.storage.lease import Lease
from transforms.storage.run_writes import create_in_run


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
        figures: PCollection of the path of the file that `WriteFigures` has written, which is there
            before the dataset is; None without one.
        contract: What is expected of the new reviews; it needs `figures`.
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
    figures: beam.PCollection | None = None
    contract: Contract | None = None
    lease: Lease | None = None

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(self, receipts: Any) -> beam.PCollection:
        """Return a PCollection of the manifest's path."""
        side: dict[str, Any] = {}
        if self.label_numbers is not None:
            side["label_numbers"] = beam.pvalue.AsIter(self.label_numbers)
        if self.bad_files is not None:
            side["bad_files"] = beam.pvalue.AsIter(self.bad_files)
        if self.figures is not None:
            side["figures"] = beam.pvalue.AsSingleton(self.figures)
        read, shards = receipts
        once = read.pipeline | "One" >> beam.Impulse()
        return once | "Commit" >> beam.Map(
            self.commit, beam.pvalue.AsIter(read), beam.pvalue.AsIter(shards), **side
        ).with_output_types(str)

    def commit(
        self,
        _: bytes,
        read: Iterable[ReadReceipt],
        shards: Iterable[ShardReceipt],
        label_numbers: Iterable[Mapping[str, int]] = (),
        bad_files: Iterable[BadFile] = (),
        figures: str = "",
    ) -> str:
        """Write the manifest, and return its path."""
        output, draft = self.output, self.draft
        earlier = read_manifest(output, generation_path(draft.earlier)) if draft.earlier else None
        entries = Records.from_parquet(InputEntry, storage.read_bytes(self.inputs))
        numbers = next(iter(label_numbers), None)
        manifest = complete_manifest(draft, entries, read, shards, numbers, earlier, bad_files)
        if self.contract is not None:
            self._check(self.contract, manifest, earlier, figures)
        publish(output, manifest, self.lease)
        return storage.join(output, MANIFEST_NAME)

    def _check(
        self, contract: Contract, manifest: Manifest, earlier: Manifest | None, path: str
    ) -> None:
        """Note in the figures which expectations the new reviews break.

        Raises:
            ContractError: there are some, and the contract says that they fail the job.
        """
        figures = json.loads(storage.read_bytes(path))
        before = [] if earlier is None else earlier.generations[-contract.last_generations :]
        paths = [storage.join(self.output, figures_path(each.number)) for each in before]
        # Those of an older release, and those removed since, are not there.
        last = [json.loads(data) for data in map(storage.read_if_there, paths) if data]
        broken = broken_expectations(contract, figures, last, manifest.label_numbers)
        text = json.dumps({**figures, "broken_expectations": broken}, indent=1, ensure_ascii=False)
        create_in_run(path, f"{text}\n".encode(), self.lease, keep=lambda _: None)
        if broken and contract.when_broken == "fail":
            raise ContractError(
                f"no generation was made, as the new reviews break "
                f"{counted(len(broken), 'expectation')} of --expect:" + "\n  - ".join(["", *broken])
            )
