import json

import pytest

from transforms.functional.errors import LedgerError
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts

BALANCED = Ledger(
    reviews=ReviewCounts(
        read=17, written=6, rejected=3, dropped=1, truncated=2, duplicates=5, excluded=2
    ),
    tokens=TokenCounts(tokenized=100, special=12, repeated=5, written=90, dropped=27),
)


def changed(part: str, **counts: int) -> Ledger:
    """Return the balanced ledger with some counts changed."""
    data = BALANCED.to_json()
    data[part].update(counts)
    return Ledger.from_json(data)


def test_a_balanced_ledger_passes() -> None:
    BALANCED.check()
    Ledger().check()


@pytest.mark.parametrize(
    "name", ["read", "written", "rejected", "dropped", "duplicates", "excluded"]
)
@pytest.mark.parametrize("step", [-1, 1])
def test_one_review_too_many_or_too_few_is_an_error(name: str, step: int) -> None:
    value = getattr(BALANCED.reviews, name) + step

    with pytest.raises(LedgerError, match="reviews were read, but"):
        changed("reviews", **{name: value}).check()


@pytest.mark.parametrize("name", ["tokenized", "special", "repeated", "written", "dropped"])
@pytest.mark.parametrize("step", [-1, 1])
def test_one_token_too_many_or_too_few_is_an_error(name: str, step: int) -> None:
    value = getattr(BALANCED.tokens, name) + step

    with pytest.raises(LedgerError, match="tokens were made, but"):
        changed("tokens", **{name: value}).check()


def test_the_message_names_every_count() -> None:
    with pytest.raises(LedgerError) as error:
        changed("reviews", read=18).check()

    assert str(error.value).startswith(
        "18 reviews were read, but 17 are written (6), rejected (3), dropped (1), "
        "duplicates (5), excluded (2) or unlabelled (0)"
    )


def test_it_survives_the_manifest() -> None:
    assert Ledger.from_json(json.loads(json.dumps(BALANCED.to_json()))) == BALANCED


def test_one_without_the_newer_counts_can_be_read() -> None:
    data = BALANCED.to_json()
    data["reviews"] = {"read": 3, "written": 1, "rejected": 1, "dropped": 1, "truncated": 0}

    assert Ledger.from_json(data).reviews == ReviewCounts(read=3, written=1, rejected=1, dropped=1)


def test_counts_add_up_one_by_one() -> None:
    one = TokenCounts(tokenized=1, special=2, repeated=3, written=4, dropped=5)

    assert one + one == TokenCounts(tokenized=2, special=4, repeated=6, written=8, dropped=10)
    assert one + TokenCounts() == one
    ledger = Ledger(reviews=ReviewCounts(read=1, html_stripped=1), tokens=one)
    assert ledger + ledger == Ledger(
        reviews=ReviewCounts(read=2, html_stripped=2), tokens=one + one
    )
