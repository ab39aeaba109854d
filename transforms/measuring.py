"""Statistics: what is counted of the reviews while they are tokenized, for the report."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, Literal

import apache_beam as beam

from transforms import storage
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.elements import ReadReceipt, TokenizedPart
from transforms.functional.figures.figures import figures_of
from transforms.functional.figures.review_statistics import (
    Hashes,
    ReviewStatistics,
    count_repeated,
    dump_hashes,
    load_hashes,
    measure,
    merge,
)
from transforms.functional.ledger import ReviewCounts
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import merge_reasons
from transforms.storage.lease import Lease
from transforms.storage.run_writes import Notes, create_in_run
from transforms.tokenization import shared_tokenizer

MAX_FILES_NAMED = 100


@dataclass(eq=False)
class MeasureReviews(beam.PTransform):
    """Count tokens, lengths, labels and duplicates of the reviews of each part.

    Args:
        tokenizer_path: Path or URL of the `tokenizer.json` that made the tokens.
        unknown_id: Id of its unknown token, None where it has none.
        notes: Where that is noted before the part goes on; None for nowhere.

    Example:
        `tokenized`: from `TokenizeReviews`.

        >>> measuring = MeasureReviews("tests/sample/tokenizer/tokenizer.json", unknown_id=1)
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     same, counted = pipeline | beam.Create(tokenized) | measuring
        ...     _ = counted | beam.Map(lambda counts: print(counts.reviews, counts.tokens))
        277 34840
    """

    tokenizer_path: str
    _: KW_ONLY
    unknown_id: int | None
    notes: Notes | None = None

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(self, parts: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Return PCollections of the same `TokenizedPart`s, and of a `ReviewStatistics` of each."""
        measuring = beam.FlatMap(self.measure).with_outputs("statistics", main="parts")
        outputs = parts | "CountReviews" >> measuring
        return outputs["parts"], outputs["statistics"]

    def measure(
        self, part: TokenizedPart
    ) -> Iterator[
        TokenizedPart | beam.pvalue.TaggedOutput[Literal["statistics"], ReviewStatistics]
    ]:
        """Yield a part and its statistics.

        It goes on only when it is noted: whoever finds its shard finds what was counted, too.
        """
        statistics = measure_part(part, self.tokenizer_path, self.unknown_id)
        if self.notes is not None:
            self.notes.write(part, statistics)
        yield part
        yield beam.pvalue.TaggedOutput("statistics", statistics)


def measure_part(
    part: TokenizedPart, tokenizer_path: str, unknown_id: int | None
) -> ReviewStatistics:
    """Count the reviews of one part."""
    encoder = shared_tokenizer(tokenizer_path).encoder
    return measure(
        part,
        vocab_size=encoder.vocab_size,
        unknown_id=unknown_id,
        find_unknown=encoder.stretches_of,
    )


@dataclass(eq=False)
class WriteFigures(beam.PTransform):
    """Add up what was counted of all reviews, and write it to a JSON file.

    It takes a pair of PCollections, `(statistics, read_receipts)`.

    Args:
        path: Path or URL of the file.
        tokenizer_path: Path or URL of the `tokenizer.json`.
        unknown_id: Id of its unknown token, None where it has none.
        max_length: Tokens in a row.
        inputs: Path of a Parquet file with the manifest's entries of the inputs.
        texts: Path or URL of a file for the hashes of the texts.
        earlier_texts: The same of each earlier generation.
        first_input: Number of the first of them.
        missing_columns: PCollection of what `FindMissingColumns` found, or None.
        lease: The right to write; None where an engine runs the job later, without one.

    Example:
        `tokenized`: from `TokenizeReviews`; `parts`: what it was given; `folder`: the dataset;
        `inputs`: the file with the entries.

        >>> file, tokenizer = f"{folder}/report.json", "tests/sample/tokenizer/tokenizer.json"
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     tokens = pipeline | "Tokens" >> beam.Create(tokenized)
        ...     same, counted = tokens | MeasureReviews(tokenizer, unknown_id=1)
        ...     read = pipeline | "Parts" >> beam.Create(parts) | WriteRejected(folder)
        ...     _ = (counted, read) | WriteFigures(
        ...         file, tokenizer, unknown_id=1, max_length=128, inputs=inputs,
        ...         texts=f"{folder}/texts.parquet",
        ...     )
        >>> from pathlib import Path
        >>> json.loads(Path(f"{folder}/report.json").read_text())["measured"]["reviews"]
        277
    """

    path: str
    tokenizer_path: str
    _: KW_ONLY
    unknown_id: int | None
    max_length: int
    inputs: str
    texts: str
    earlier_texts: Sequence[str] = ()
    first_input: int = 0
    missing_columns: beam.PCollection | None = None
    lease: Lease | None = None

    @beam.typehints.no_annotations  # Beam knows no tuple of PCollections.
    def expand(self, counted: Any) -> beam.PCollection:
        """Return a PCollection of the file's path."""
        statistics, read = counted
        side: dict[str, Any] = {}
        if self.missing_columns is not None:
            side["missing_columns"] = beam.pvalue.AsIter(self.missing_columns)
        total = statistics | "AddCounts" >> beam.CombineGlobally(merge).without_defaults()
        once = read.pipeline | "OneReport" >> beam.Impulse()
        return once | "WriteFigures" >> beam.Map(
            self.write, beam.pvalue.AsIter(total), beam.pvalue.AsIter(read), **side
        ).with_output_types(str)

    def write(
        self,
        _: bytes,
        statistics: Iterable[ReviewStatistics],
        read: Iterable[ReadReceipt],
        missing_columns: Iterable[tuple[str, list[str]]] = (),
    ) -> str:
        """Write the file, and return its path."""
        counts = ReviewCounts()
        reasons: Counter[str] = Counter()
        rejected_in: Counter[int] = Counter()
        for receipt in read:
            counts += receipt.reviews
            reasons.update(receipt.reasons)
            rejected_in.update(receipt.rejected_in)
        document = {
            # One, or none where all parts were kept and nothing was noted of them.
            "measured": next(map(self._measured, statistics), None),
            "reviews": asdict(counts),
            "rejected": merge_reasons([reasons]),
            "rejected_in": self._by_path(rejected_in),
            "missing_columns": dict(sorted(missing_columns)[:MAX_FILES_NAMED]),
        }
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        create_in_run(self.path, text.encode(), self.lease, keep=lambda _: None)
        return self.path

    def _by_path(self, rejected_in: Mapping[int, int]) -> dict[str, int]:
        """Return the rejected records of the files that hold most of them."""
        if not rejected_in:
            return {}
        inputs = Records.from_parquet(InputEntry, storage.read_bytes(self.inputs))
        most = sorted(rejected_in.items(), key=lambda item: (-item[1], item[0]))
        return {inputs[at - self.first_input].path: n for at, n in most[:MAX_FILES_NAMED]}

    def _measured(self, statistics: ReviewStatistics) -> dict[str, Any]:
        encoder = shared_tokenizer(self.tokenizer_path).encoder
        figures = figures_of(
            statistics,
            n_special=len(encoder.prefix) + len(encoder.suffix),
            max_length=self.max_length,
            unknown_id=self.unknown_id,
            token_text=encoder.token_text,
        )
        return {**figures, **self._compare(statistics.distinct_texts)}

    def _compare(self, texts: Hashes | None) -> dict[str, Any]:
        """Keep the hashes of the texts, and count those that earlier generations have, too."""
        if texts is None:
            return {"repeated": None, "compared_generations": 0}
        create_in_run(self.texts, dump_hashes(texts), self.lease, keep=lambda _: None)
        # Those of an older release, and those removed since, have none.
        there = [path for path in self.earlier_texts if storage.exists(path)]
        hashes = [load_hashes(storage.read_bytes(path)) for path in there]
        return {"repeated": count_repeated(texts, hashes), "compared_generations": len(there)}
