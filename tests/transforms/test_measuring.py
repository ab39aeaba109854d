import json
from pathlib import Path

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from tests import jobs, oracle
from tests.transforms.test_tokenization import TOKENIZER, part_of
from transforms.functional.elements import ReadReceipt
from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.reviews import PartKey
from transforms.measuring import WriteFigures
from transforms.tokenization import TokenizeReviews


def _figures(path: Path, parts: list, read: list) -> dict:
    unknown_id = oracle.auto_tokenizer(jobs.TOKENIZER).unk_token_id
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        tokenized = (
            pipeline
            | "Parts" >> beam.Create(parts, reshuffle=False)
            | TokenizeReviews(str(TOKENIZER))
        )
        receipts = pipeline | "Read" >> beam.Create(read)
        (tokenized, receipts) | WriteFigures(
            str(path), str(TOKENIZER), unknown_id=unknown_id, max_length=16
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
    assert found == {"measured": None, "rejected": {}}
