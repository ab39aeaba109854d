import random
from string import ascii_letters

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from transforms.coders import PartCoder, RecordCoder, TokensCoder
from transforms.functional.elements import ReadReceipt, ReviewIndex, ShardReceipt, TokenizedPart
from transforms.functional.ledger import ReviewCounts
from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.review_bytes import compress_reviews, decompress_reviews
from transforms.functional.reviews.reviews import (
    REVIEW_SCHEMA,
    REVIEW_SCHEMAS,
    Part,
    PartKey,
    RejectedRecord,
)
from transforms.functional.reviews.splits import Split
from transforms.functional.tokenization.tokens import Tokens


def _batch(n: int, text: str = "review é🎬") -> pa.RecordBatch:
    rows = [
        {
            "text": f"{text} {i}",
            "label": None if i % 2 else i,
            "source": 2**32 - 1,
            "record": 2**64 - 1,
        }
        for i in range(n)
    ]
    return pa.RecordBatch.from_pylist(rows, REVIEW_SCHEMA)


@pytest.mark.parametrize("n", [0, 1, 100])
def test_a_slice_comes_back_as_it_was(n):
    back = decompress_reviews(compress_reviews(_batch(n)))
    assert back.equals(_batch(n))
    assert back.schema.equals(REVIEW_SCHEMA)


@pytest.mark.parametrize("schema", REVIEW_SCHEMAS, ids=lambda schema: str(schema.field(1).type))
def test_a_slice_keeps_the_type_of_its_labels(schema):
    values = {"int64": 3, "float": 2.5, "list": [0.0, 1.0]}
    label = values[str(schema.field("label").type).split("<")[0]]
    rows = [{"text": "a", "label": label, "source": 0, "record": 1}]
    batch = pa.RecordBatch.from_pylist(rows, schema)
    assert decompress_reviews(compress_reviews(batch)).equals(batch)


def test_only_the_rows_of_the_slice_are_encoded():
    text = "".join(random.Random(0).choices(ascii_letters, k=3000))  # It hardly compresses.
    large = _batch(1000, text)
    encoded = compress_reviews(large.slice(500, 2))
    assert 2000 < len(encoded) < 4000
    assert decompress_reviews(encoded).equals(large.slice(500, 2))


def test_reviews_are_compressed_to_the_same_bytes_wherever_they_were_cut_from():
    text = "The film is what the book was. " * 10
    encoded = compress_reviews(_batch(100, text))
    assert len(encoded) < 100 * len(text) / 5
    longer = pa.Table.from_batches([_batch(3, "x"), _batch(100, text)]).combine_chunks()
    assert compress_reviews(longer.to_batches()[0].slice(3)) == encoded


def _part(n: int) -> Part:
    rejected = RejectedRecord(source=1, record=2**63 - 1, reason="no text", raw=b"\xff", path="a")
    return Part(
        key=PartKey(split=3, part=1),
        last=True,
        reviews=_batch(n),
        rejected=(rejected,) * n,
        cleaning=ReviewCounts(duplicates=n),
    )


@pytest.mark.parametrize("n", [0, 3])
def test_a_part_comes_back_as_it_was(n):
    coder = PartCoder()
    encoded = coder.encode(_part(n))
    assert coder.decode(encoded) == _part(n)
    known = _part(n)
    assert coder.decode(encoded).digest == known.digest
    # A digest that was worked out before changes no byte.
    assert coder.encode(known) == encoded


def test_the_same_record_gives_the_same_bytes_whatever_its_strings_are():
    def split(path: str) -> Split:
        files = (FileRange(source=0, path=path, format="jsonl", compression=None, bytes=9),) * 2
        return Split(number=7, files=files)

    def receipt(reasons: dict[str, int]) -> ReadReceipt:
        key = PartKey(split=0, part=0)
        return ReadReceipt(
            key=key, last=True, reviews=ReviewCounts(read=4, rejected=2), reasons=reasons
        )

    coder = RecordCoder()
    # Another object each time: pickle would write the first one as a reference to itself.
    texts = ["s3://bucket/a", "".join(["s3://bucket", "/a"])]
    assert texts[0] is not texts[1]
    assert len({coder.encode(split(text)) for text in texts}) == 1
    assert coder.decode(coder.encode(split(texts[0]))) == split(texts[1])
    orders = [receipt({"a": 1, "b": 1}), receipt({"b": 1, "a": 1})]
    assert len({coder.encode(one) for one in orders}) == 1
    assert coder.decode(coder.encode(orders[0])) == orders[1]


@pytest.mark.parametrize(
    ("kind", "coder"),
    [
        (Split, RecordCoder),
        (Part, PartCoder),
        (ReadReceipt, RecordCoder),
        (ShardReceipt, RecordCoder),
    ],
)
def test_beam_uses_these_coders(kind, coder):
    found = beam.coders.registry.get_coder(kind)
    assert type(found) is coder
    assert found.is_deterministic()


def _tokenized() -> TokenizedPart:
    tokens = Tokens(np.array([7, 8, 9], np.uint32), np.ones(3, np.bool_), np.array([0, 1, 3]))
    index = ReviewIndex(sources=np.zeros(2, np.uint32), records=np.arange(2, dtype=np.uint64))
    return TokenizedPart(key=PartKey(split=3, part=1), digest="d", index=index, tokens=tokens)


def test_tokens_come_back_as_they_were():
    part = TokensCoder().decode(TokensCoder().encode(_tokenized()))
    assert part.tokens.equals(_tokenized().tokens)
    assert (part.key, part.digest) == (PartKey(split=3, part=1), "d")


@pytest.mark.parametrize(("element", "size"), [(_part(3), _batch(3).nbytes), (_tokenized(), 3 * 4)])
def test_the_size_of_a_part_is_known_without_encoding_it(element, size, monkeypatch):
    coder = beam.coders.registry.get_coder(type(element))
    monkeypatch.setattr(type(coder), "encode", None)
    assert coder.get_impl().estimate_size(element) == size
