from typing import Any

import numpy as np
import pyarrow as pa

from tests import jobs, oracle
from tests.transforms.pipelines import check
from transforms.functional.reviews.reviews import Part, PartKey, make_reviews
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.tokenization import TokenizeReviews, tokenize_part

TOKENIZER = jobs.TOKENIZER / "tokenizer.json"


def part_of(texts: list[str], labels: list[int] | None) -> Part:
    n = len(texts)
    return Part(
        key=PartKey(split=4, part=2),
        last=True,
        reviews=make_reviews(
            pa.array(texts, pa.large_string()),
            None if labels is None else pa.array(labels, pa.int64()),
            np.full(n, 3, np.uint32),
            10 * np.arange(n, dtype=np.uint64),
        ),
    )


def expected_ids(texts: list[str]) -> list[list[int]]:
    ids: list[list[int]] = oracle.auto_tokenizer(jobs.TOKENIZER)(texts, add_special_tokens=False)[
        "input_ids"
    ]
    return ids


TEXTS = ["A good film.", "", "Unwatchable!", "[MASK] café"]


def test_a_part_keeps_its_key_places_and_labels() -> None:
    made = tokenize_part(part_of(TEXTS, [1, 0, 1, -1]), ReviewTokenizer(TOKENIZER.read_bytes()))

    assert made.key == PartKey(split=4, part=2)
    assert [ids.tolist() for ids, _ in made.tokens] == expected_ids(TEXTS)
    assert made.index.sources.tolist() == [3, 3, 3, 3]
    assert made.index.records.tolist() == [0, 10, 20, 30]
    assert made.index.labels is not None
    assert made.index.labels.tolist() == [1, 0, 1, -1]


def test_a_part_without_labels_or_without_a_review() -> None:
    tokenizer = ReviewTokenizer(TOKENIZER.read_bytes())

    assert tokenize_part(part_of(TEXTS, None), tokenizer).index.labels is None
    empty = tokenize_part(part_of([], []), tokenizer)
    assert len(empty.tokens) == 0
    assert empty.index.sources.tolist() == []


def test_the_transform_loads_the_tokenizer_by_its_path() -> None:
    def matches(parts: list[Any]) -> None:
        (part,) = parts
        assert [ids.tolist() for ids, _ in part.tokens] == expected_ids(TEXTS)

    check([part_of(TEXTS, None)], TokenizeReviews(str(TOKENIZER)), matches)
