import base64
import json

import pyarrow as pa

from transforms.functional.elements import ReadReceipt
from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.reviews import REVIEW_SCHEMA, Part, PartKey, RejectedRecord
from transforms.rejecting import WriteRejected, rejected_lines


def _part(*rejected: RejectedRecord) -> Part:
    reviews = pa.RecordBatch.from_pylist([{"text": "a", "source": 0, "record": 0}], REVIEW_SCHEMA)
    return Part(key=PartKey(split=3, part=1), last=True, reviews=reviews, rejected=rejected)


def _bad(raw: bytes, record: int = 7) -> RejectedRecord:
    return RejectedRecord(source=0, record=record, reason="bad", raw=raw, path="in/é.txt")


def test_a_rejected_record_is_a_line_with_file_record_reason_and_bytes(tmp_path):
    writing = WriteRejected(str(tmp_path), generation=2)
    receipt = writing.write(_part(_bad("naïve\n\u2028".encode()), _bad(b"\xff")))
    key = PartKey(split=3, part=1)
    reasons = {"bad": 2}
    assert receipt == ReadReceipt(
        key=key,
        last=True,
        reviews=ReviewCounts(read=3, rejected=2),
        reasons=reasons,
        rejected_in={0: 2},
    )
    lines = (tmp_path / "rejected" / "000002" / "0000003-0001.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == [
        {"file": "in/é.txt", "record": 7, "reason": "bad", "text": None, "raw": "naïve\n\u2028"},
        {"file": "in/é.txt", "record": 7, "reason": "bad", "text": None, "raw_base64": "/w=="},
    ]
    assert lines[-1] == b""


def test_every_byte_string_comes_back_whole():
    for raw in (b"", b"\x00", bytes(range(256)), b'"\\', "🎬\r\n".encode()):
        record = json.loads(rejected_lines(_part(_bad(raw))))
        text = record.get("raw")
        found = base64.b64decode(record["raw_base64"]) if text is None else text.encode()
        assert found == raw


def test_without_rejected_records_nothing_is_written(tmp_path):
    assert WriteRejected(str(tmp_path)).write(_part()).reviews.rejected == 0
    assert list(tmp_path.iterdir()) == []
