import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from hypothesis import given, settings, strategies as st

from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.duplicates import (
    EARLIER,
    EXCLUDED,
    NEW,
    drop_repeated,
    find_repeated,
    hash_part,
    hash_texts,
)
from transforms.functional.reviews.reviews import Part, PartKey, make_reviews

Review = tuple[str, int, int]  # Text, source, record.


def part_of(reviews: Iterable[Review], split: int = 0, part: int = 0) -> Part:
    rows = list(reviews)
    batch = make_reviews(
        pa.array([row[0] for row in rows], pa.large_string()),
        None,
        np.array([row[1] for row in rows], np.uint32),
        np.array([row[2] for row in rows], np.uint64),
    )
    return Part(key=PartKey(split=split, part=part), last=True, reviews=batch)


def kept(
    parts: list[Part],
    *,
    earlier: Iterable[Part] = (),
    excluded: Iterable[Part] = (),
    dedup: bool = True,
    n_buckets: int = 3,
    arrival: int = 0,
) -> list[Part]:
    """Do what the pipeline does, with everything arriving in some order."""
    shuffle = random.Random(arrival).shuffle
    sent = [
        row
        for origin, group in ((NEW, parts), (EARLIER, earlier), (EXCLUDED, excluded))
        for part in group
        for row in hash_part(part, origin, n_buckets)
    ]
    shuffle(sent)
    buckets: dict[int, list[bytes]] = defaultdict(list)
    for bucket, rows in sent:
        buckets[bucket].append(rows)
    found = [row for rows in buckets.values() for row in find_repeated(rows, dedup=dedup)]
    shuffle(found)
    splits: dict[int, list[bytes]] = defaultdict(list)
    for split, rows in found:
        splits[split].append(rows)
    return [drop_repeated(part, splits[part.key.split], dedup=dedup) for part in parts]


def texts_of(parts: Iterable[Part]) -> list[str]:
    return [text for part in parts for text in part.reviews.column("text").to_pylist()]


def counts_of(parts: Iterable[Part]) -> tuple[int, int]:
    """Return duplicates and excluded reviews."""
    total = sum((part.cleaning for part in parts), ReviewCounts())
    return total.duplicates, total.excluded


# Two splits, the first of two parts.
PARTS = [
    part_of([("a", 0, 0), ("b", 0, 9), ("a", 0, 20)], split=0, part=0),
    part_of([("b", 1, 0), ("c", 1, 5)], split=0, part=1),
    part_of([("c", 2, 0), ("d", 2, 3), ("A", 2, 4), ("a ", 2, 5), ("", 2, 7)], split=1),
]


def test_the_first_in_the_inputs_stays() -> None:
    result = kept(PARTS)

    assert [texts_of([part]) for part in result] == [["a", "b"], ["c"], ["d", "A", "a ", ""]]
    assert [part.cleaning.duplicates for part in result] == [1, 1, 1]
    assert counts_of(result) == (3, 0)
    assert result[0].reviews.column("record").to_pylist() == [0, 9]


def test_a_text_of_an_earlier_run_is_a_duplicate() -> None:
    result = kept(PARTS, earlier=[part_of([("a", 7, 7), ("d", 7, 8), ("z", 7, 9)], split=99)])

    assert texts_of(result) == ["b", "c", "A", "a ", ""]
    assert counts_of(result) == (5, 0)


def test_excluded_texts_go_wherever_they_stand() -> None:
    excluded = [part_of([("a", 0, 0), ("c", 0, 1)], split=0), part_of([("x", 1, 0)], split=1)]

    result = kept(PARTS, excluded=excluded, dedup=False)
    assert texts_of(result) == ["b", "b", "d", "A", "a ", ""]
    assert counts_of(result) == (0, 4)

    # A text that is both counts as excluded.
    result = kept(PARTS, excluded=excluded, dedup=True)
    assert texts_of(result) == ["b", "d", "A", "a ", ""]
    assert counts_of(result) == (1, 4)


def test_nothing_is_looked_for_and_nothing_goes() -> None:
    assert kept(PARTS, dedup=False) == PARTS


def test_an_empty_part_sends_and_loses_nothing() -> None:
    empty = part_of([])

    assert list(hash_part(empty, NEW, 5)) == []
    assert list(find_repeated([], dedup=True)) == []
    assert kept([empty])[0].cleaning == ReviewCounts()


def test_a_text_that_fills_a_part_is_sent_once() -> None:
    """So that a million empty reviews do not fill the memory of one bucket."""
    many = part_of([("", 0, record) for record in range(1000)])

    ((_, rows),) = hash_part(many, NEW, 5)
    assert len(rows) < 100
    assert counts_of(kept([many])) == (999, 0)


def test_places_decide_not_rows() -> None:
    """The files of an archive are read in its order, whatever their order among the inputs."""
    result = kept([part_of([("a", 5, 0), ("a", 4, 0), ("a", 5, 1)])])

    assert result[0].reviews.column("source").to_pylist() == [4]


def test_hashes_are_blake2b_of_the_bytes() -> None:
    texts = pa.array(["skipped", "é", "", "x" * 5000], pa.large_string()).slice(1)

    expected = [
        hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts.to_pylist()
    ]
    assert [row.tobytes() for row in hash_texts(texts)] == expected


_TEXTS = st.text(alphabet="ab", max_size=2)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.lists(_TEXTS, max_size=4), min_size=1, max_size=3), max_size=4),
    st.lists(_TEXTS, max_size=3),
    st.lists(_TEXTS, max_size=3),
    st.integers(1, 4),
    st.integers(0, 5),
)
def test_it_is_what_a_dict_does_however_parts_are_cut_and_arrive(
    splits: list[list[list[str]]],
    earlier: list[str],
    excluded: list[str],
    n_buckets: int,
    arrival: int,
) -> None:
    record = iter(range(1000))
    parts = [
        part_of([(text, split, next(record)) for text in texts], split, number)
        for split, cut in enumerate(splits)
        for number, texts in enumerate(cut)
    ]
    known = [part_of([(text, 0, i) for i, text in enumerate(earlier)])]
    banned = [part_of([(text, 0, i) for i, text in enumerate(excluded)])]

    result = kept(parts, earlier=known, excluded=banned, n_buckets=n_buckets, arrival=arrival)

    texts = texts_of(parts)
    wanted = [text for text in dict.fromkeys(texts) if text not in {*earlier, *excluded}]
    n_excluded = sum(text in excluded for text in texts)
    assert texts_of(result) == wanted
    assert counts_of(result) == (len(texts) - len(wanted) - n_excluded, n_excluded)
