"""A contract names each expectation that new reviews break, and refuses what it does not know."""

from typing import Any

import pytest

from transforms.functional.errors import UsageError
from transforms.functional.figures.contract import Contract, broken_expectations

NAMES = {"neg": 0, "pos": 1, "neutral": 2}


def figures(**changes: Any) -> dict[str, Any]:
    """Return what was counted of 100 reviews of 10 tokens; `changes` are of `measured`."""
    measured = {
        "reviews": 100,
        "tokens": 1000,
        "duplicates": 0,
        "repeated": 0,
        "empty": 0,
        "labels": [[0, 40], [1, 60]],
        "unknown": {"tokens": 0},
        **changes,
    }
    return {"measured": measured, "reviews": {"read": 100, "rejected": 0, "duplicates": 0}}


def broken(contract: dict[str, Any], now: dict[str, Any], *earlier: dict[str, Any]) -> list[str]:
    return broken_expectations(Contract.parse(contract), now, earlier, NAMES)


WHOLE = {
    "labels": ["neg", "pos"],
    "columns": ["text", "label"],
    "min_reviews": 100,
    "max_reviews": 100,
    "min_label_share": 0.4,
    "max_label_share": 0.6,
    "max_length_change": 0.25,
    "max_unknown_share": 0.01,
    "max_duplicate_share": 0.05,
    "max_empty_share": 0,
    "max_rejected_increase": 0.02,
    "last_generations": 3,
    "when_broken": "warn",
}


def test_reviews_that_are_as_expected_break_nothing() -> None:
    assert broken(WHOLE, figures(), figures(), figures()) == []
    assert broken({"labels": ["neg", "pos"]}, figures()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"labels": [[0, 40], [1, 59], [2, 1]]},
            "labels: 'neutral' came 1 time, expected are neg, pos",
        ),
        ({"labels": [[0, 60], [1, 40]]}, None),
        (
            {"labels": [[0, 100]]},
            "min_label_share: 'pos' has 0.00% of the reviews; the limit is 40.00%",
        ),
        (
            {"labels": [[0, 39], [1, 61]]},
            "max_label_share: 'pos' has 61.00% of the reviews; the limit is 60.00%",
        ),
        ({"labels": None}, "labels: there are more different labels than were counted"),
        (
            {"tokens": 1251},
            "max_length_change: a review has 12.5 tokens on average, in the last generations 10.0 "
            "(+25.1%), 25.0% are expected at most",
        ),
        (
            {"unknown": {"tokens": 11}},
            "max_unknown_share: 11 unknown tokens, 1.10% of the tokens; the limit is 1.00%",
        ),
        (
            {"duplicates": 3, "repeated": 3},
            "max_duplicate_share: 6 repeated texts, 6.00% of the reviews; the limit is 5.00%",
        ),
        (
            {"duplicates": None},
            "max_duplicate_share: there are too many reviews to count each repeated text",
        ),
        (
            {"empty": 1},
            "max_empty_share: 1 empty text, 1.00% of the reviews; the limit is 0.00%",
        ),
    ],
)
def test_each_broken_expectation_is_a_line(changes: dict[str, Any], said: str | None) -> None:
    lines = broken(WHOLE, figures(**changes), figures())
    assert said in lines if said else lines == []
    assert all("\n" not in line for line in lines)


def test_sizes_and_rejected_records_are_of_what_was_read() -> None:
    now = figures()
    now["reviews"] = {"read": 120, "rejected": 30, "duplicates": 0}
    assert broken(WHOLE, now, figures(), figures()) == [
        "min_reviews: 90 new reviews; at least 100 are expected",
        "max_rejected_increase: 25.00% of the records were rejected, in the last generations "
        "0.00%, at most 2.00% more are expected",
    ]
    now["reviews"] = {"read": 120, "rejected": 0, "duplicates": 0}
    assert broken(WHOLE, now) == ["max_reviews: 120 new reviews; at most 100 are expected"]


def test_missing_columns_are_named_with_their_file() -> None:
    now = {**figures(), "missing_columns": {"a.csv": ["label"]}}
    assert broken(WHOLE, now) == ["columns: a.csv has no label"]


def test_a_run_of_which_nothing_was_measured_is_checked_for_its_size() -> None:
    now = {"measured": None, "reviews": {"read": 5, "rejected": 5, "duplicates": 0}}
    assert broken(WHOLE, now, figures())[0].startswith("min_reviews: 0 new reviews")


def test_empty_texts_are_caught_unless_they_are_allowed() -> None:
    assert len(broken({"labels": ["neg", "pos"]}, figures(empty=1))) == 1
    assert broken({"max_empty_share": 0.01}, figures(empty=1)) == []
    assert broken({"max_empty_share": None, "min_reviews": 1}, figures(empty=50)) == []


def test_labels_without_names_are_their_numbers() -> None:
    contract = Contract.parse({"labels": [0, 1]})
    assert broken_expectations(contract, figures()) == []
    assert broken_expectations(contract, figures(labels=[[0, 40], [7, 60]])) == [
        "labels: '7' came 60 times, expected are 0, 1"
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"lables": ["neg"]}, "unknown key 'lables': there are labels, columns"),
        ({"labels": "neg"}, "labels must be a list of names, got 'neg'"),
        ({"labels": [True, False]}, "labels must be a list of names, got [True, False]"),
        ({"min_reviews": 0.5}, "min_reviews must be a whole number, got 0.5"),
        ({"max_empty_share": 5}, "max_empty_share must be a share from 0 to 1, got 5"),
        ({"max_length_change": "a lot"}, "max_length_change must be a share, as 0.25"),
        ({"when_broken": "shout"}, "when_broken must be fail or warn, got 'shout'"),
        ([], "it holds no expectations"),
        ({}, "it holds no expectations"),
    ],
)
def test_what_a_contract_cannot_be_is_refused(document: object, said: str) -> None:
    with pytest.raises(UsageError) as error:
        Contract.parse(document)
    assert said in str(error.value)
