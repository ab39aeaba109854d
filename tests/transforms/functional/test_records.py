import dataclasses
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from transforms.functional import records
from transforms.functional.records import Records


@dataclass(frozen=True, kw_only=True)
class Film:
    title: str
    year: int


FILMS = [Film(title="Solaris", year=1972), Film(title="Alien", year=1979), Film(title="", year=-1)]
_FILMS = st.lists(
    st.builds(Film, title=st.text(max_size=5), year=st.integers(-(2**63), 2**63 - 1)), max_size=9
)


@given(_FILMS, _FILMS)
@settings(max_examples=30)
def test_they_are_a_sequence_of_what_went_in(first: list[Film], second: list[Film]) -> None:
    made = Records.of(Film, iter(first))

    assert list(made) == first
    assert len(made) == len(first)
    assert [made[i] for i in range(len(first))] == first
    assert list(made[1:3]) == first[1:3]
    assert list(made + Records.of(Film, second)) == first + second
    assert list(Records.from_parquet(Film, made.to_parquet())) == first
    assert Records.from_dicts(Film, made.to_dicts()) == made
    assert (made == Records.of(Film, second)) == (first == second)


def test_an_iterator_is_taken_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BATCH", 2)

    assert list(Records.of(Film, iter(FILMS * 3))) == FILMS * 3


def test_single_records_columns_and_sums() -> None:
    made = Records.of(Film, FILMS)

    assert made[-1] == FILMS[-1]
    assert made.column("title").to_pylist() == ["Solaris", "Alien", ""]
    assert made.total("year") == 1972 + 1979 - 1
    assert Records.of(Film).total("year") == 0
    assert list(made.sorted_by("year")) == [FILMS[2], FILMS[0], FILMS[1]]
    assert list(made.where(pa.array([True, False, True]))) == [FILMS[0], FILMS[2]]
    with pytest.raises(IndexError, match="there is no record 3, only 3 records"):
        made[3]


@pytest.mark.parametrize(
    "row",
    [
        {"title": "Alien"},
        {"title": "Alien", "year": 1979, "rating": 9},
        {"title": 7, "year": 1979},
        {"title": "Alien", "year": "then"},
    ],
)
def test_other_dictionaries_are_errors(row: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Records.from_dicts(Film, [dataclasses.asdict(FILMS[0]), row])
