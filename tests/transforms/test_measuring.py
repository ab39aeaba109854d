import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from tests import jobs, oracle
from tests.transforms.test_tokenization import TOKENIZER, part_of
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.elements import ReadReceipt
from transforms.functional.ledger import ReviewCounts
from transforms.functional.records import Records
from transforms.functional.reviews.reviews import PartKey
from transforms.measuring import MeasureReviews, WriteFigures
from transforms.tokenization import TokenizeReviews

INPUTS = Records.of(
    InputEntry, [InputEntry(path=f"{name}.csv", bytes=1, identity="x") for name in "ab"]
)


def _figures(path: Path, parts: list, read: list, **more: Any) -> dict:
    inputs = path.with_name("inputs.parquet")
    inputs.write_bytes(INPUTS.to_parquet())
    unknown_id = oracle.auto_tokenizer(jobs.TOKENIZER).unk_token_id
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        tokenized = (
            pipeline
            | "Parts" >> beam.Create(parts, reshuffle=False)
            | TokenizeReviews(str(TOKENIZER))
        )
        _, statistics = tokenized | MeasureReviews(str(TOKENIZER), unknown_id=unknown_id)
        receipts = pipeline | "Read" >> beam.Create(read)
        (statistics, receipts) | WriteFigures(
            str(path),
            str(TOKENIZER),
            unknown_id=unknown_id,
            max_length=16,
            inputs=str(inputs),
            texts=str(path.with_suffix(".parquet")),
            **more,
        )
    return json.loads(path.read_text())


def _receipt(reasons: dict) -> ReadReceipt:
    rejected = sum(reasons.values())
    key = PartKey(split=0, part=0)
    return ReadReceipt(
        key=key,
        last=True,
        reviews=ReviewCounts(read=rejected, rejected=rejected),
        reasons=reasons,
    )


def test_all_parts_are_counted_together(tmp_path):
    texts = ["A good film.", "Unwatchable ☃☃ film!", "A good film."]
    found = _figures(
        tmp_path / "report.json",
        [part_of(texts[:2], [1, 0]), part_of(texts[2:], [1])],
        [_receipt({"bad": 2}), _receipt({"bad": 1, "worse": 1})],
    )
    assert found["rejected"] == {"bad": 3, "worse": 1}
    measured = found["measured"]
    tokenizer = oracle.auto_tokenizer(jobs.TOKENIZER)
    ids = [i for ids in tokenizer(texts, add_special_tokens=False)["input_ids"] for i in ids]
    assert (measured["reviews"], measured["tokens"], measured["duplicates"]) == (3, len(ids), 1)
    assert measured["labels"] == [[0, 1], [1, 2]]
    assert measured["lengths"]["special"] == 2
    frequent = {token["text"]: token["count"] for token in measured["vocabulary"]["frequent"]}
    assert frequent["film"] == 3
    assert measured["unknown"]["tokens"] == ids.count(tokenizer.unk_token_id) == 1
    assert measured["unknown"]["words"] == [{"text": "☃☃", "count": 1}]


def test_where_every_part_was_kept_nothing_is_measured(tmp_path):
    found = _figures(tmp_path / "report.json", [], [_receipt({})])
    assert found["measured"] is None
    assert found["rejected"] == found["rejected_in"] == found["missing_columns"] == {}


def test_rejected_records_are_counted_by_file(tmp_path):
    receipts = [replace(_receipt({"bad": 3}), rejected_in={7: 1, 8: 2}), _receipt({})]
    found = _figures(tmp_path / "figures.json", [], receipts, first_input=7)
    assert found["rejected_in"] == {"b.csv": 2, "a.csv": 1}
    assert list(found["rejected_in"]) == ["b.csv", "a.csv"]
    assert (found["reviews"]["read"], found["reviews"]["rejected"]) == (3, 3)


def test_texts_of_earlier_generations_are_found_again(tmp_path):
    first = tmp_path / "1.json"
    _figures(first, [part_of(["A film.", "Another."], None)], [_receipt({})])
    earlier = [str(first.with_suffix(".parquet")), str(tmp_path / "older.parquet")]
    parts = [part_of(["A film.", "A film.", "", "A third."], None)]
    found = _figures(tmp_path / "2.json", parts, [_receipt({})], earlier_texts=earlier)["measured"]
    assert (found["duplicates"], found["repeated"], found["empty"]) == (1, 1, 1)
    assert found["compared_generations"] == 1
