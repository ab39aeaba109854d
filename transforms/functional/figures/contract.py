"""What new reviews are expected to be, and which of it they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

from transforms.functional.errors import UsageError
from transforms.functional.wording import counted

Figures = Mapping[str, Any]  # What `figures_of_run` returns.

_ACTIONS = ("fail", "warn")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Expectations of what one run adds; None expects nothing, and shares are from 0 to 1.

    Attributes:
        labels: The labels that may come, by name (or number, where they have no names).
        columns: What each input file must have; of JSON lines, what its first record must.
        min_reviews: The least reviews.
        max_reviews: The most reviews.
        min_label_share: The least share of the reviews that each label must have.
        max_label_share: The largest share that any label may have.
        max_length_change: How far the mean length in tokens may be from that of the last
            generations, as a share of it.
        max_unknown_share: The largest share of tokens that are unknown to the tokenizer.
        max_duplicate_share: The largest share of reviews whose text another one has too.
        max_empty_share: The largest share of reviews without a token.
        max_rejected_increase: How far the share of rejected records may be above that of the last
            generations.
        last_generations: How many of them are compared with.
        when_broken: `fail`: no generation is made; `warn`: it is, and the log says what is broken.
    """

    labels: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    min_reviews: int | None = None
    max_reviews: int | None = None
    min_label_share: float | None = None
    max_label_share: float | None = None
    max_length_change: float | None = None
    max_unknown_share: float | None = None
    max_duplicate_share: float | None = None
    max_empty_share: float | None = 0.0
    max_rejected_increase: float | None = None
    last_generations: int = 7
    when_broken: Literal["fail", "warn"] = "fail"

    @classmethod
    def parse(cls, document: object) -> Contract:
        """Return the contract in a parsed YAML document.

        Raises:
            UsageError: a key is unknown, or its value is of another kind.
        """
        if not isinstance(document, dict) or not document:
            raise UsageError(f"it holds no expectations: write a line for each of {_names()}")
        values = {name: _checked(name, value) for name, value in document.items()}
        return cls(**values)


def _names() -> str:
    return ", ".join(field.name for field in fields(Contract))


def _checked(name: object, value: object) -> Any:
    """Return a value of the document as the contract holds it."""
    hints = get_type_hints(Contract)
    if name not in hints:
        raise UsageError(f"unknown key {name!r}: there are {_names()}")
    if value is None and name not in ("last_generations", "when_broken"):
        return None
    needed, fits = _KINDS[str(name).split("_")[-1]]
    if not fits(value):
        raise UsageError(f"{name} must be {needed}, got {value!r}")
    return tuple(map(str, value)) if isinstance(value, list) else value


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and {type(item) for item in value} in ({str}, {int}, {str, int})


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and value >= 0


_LIST = ("a list of names", _is_list)
_SHARE = ("a share from 0 to 1", lambda value: _is_number(value) and value <= 1)
_COUNT = ("a whole number", lambda value: type(value) is int and value >= 0)
# By the last word of a name, which says what it counts.
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "labels": _LIST,
    "columns": _LIST,
    "reviews": _COUNT,
    "generations": _COUNT,
    "share": _SHARE,
    "increase": _SHARE,
    "change": ("a share, as 0.25", _is_number),
    "broken": (" or ".join(_ACTIONS), lambda value: value in _ACTIONS),
}


def broken_expectations(
    contract: Contract,
    figures: Figures,
    earlier: Sequence[Figures] = (),
    label_numbers: Mapping[str, int] | None = None,
) -> list[str]:
    """Return a line for each expectation that new reviews break, with its name first.

    Args:
        figures: What the workers counted of the new reviews.
        earlier: The same of the last generations.
        label_numbers: Numbers of label names, None where labels have no names.
    """
    names = {number: name for name, number in (label_numbers or {}).items()}
    measured = figures["measured"]
    return [
        *_of_columns(figures.get("missing_columns", {})),
        *_of_size(contract, figures),
        *(_of_labels(contract, measured, names) if measured else ()),
        *(_of_shares(contract, measured, figures) if measured else ()),
        *_of_changes(contract, figures, earlier),
    ]


def _of_columns(missing: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for path, columns in missing.items():
        yield f"columns: {path} has no {', '.join(columns)}"


def _of_size(contract: Contract, figures: Figures) -> Iterator[str]:
    n = figures["reviews"]["read"] - figures["reviews"]["rejected"]
    if contract.min_reviews is not None and n < contract.min_reviews:
        yield (
            f"min_reviews: {counted(n, 'new review')}; at least {contract.min_reviews:,} are "
            f"expected"
        )
    if contract.max_reviews is not None and n > contract.max_reviews:
        yield (
            f"max_reviews: {counted(n, 'new review')}; at most {contract.max_reviews:,} are "
            f"expected"
        )


def _of_labels(contract: Contract, measured: Figures, names: Mapping[int, str]) -> Iterator[str]:
    if measured["labels"] is None:
        yield "labels: there are more different labels than were counted"
        return
    counts = {names.get(number, str(number)): n for number, n in measured["labels"]}
    for name, n in counts.items():
        if contract.labels is not None and name not in contract.labels:
            expected = ", ".join(contract.labels)
            yield f"labels: {name!r} came {counted(n, 'time')}, expected are {expected}"
    wanted = contract.labels or tuple(counts)
    for name in dict.fromkeys((*wanted, *counts)) if counts else ():
        share = counts.get(name, 0) / measured["reviews"]
        if contract.min_label_share is not None and share < contract.min_label_share:
            yield f"min_label_share: {name!r} has {_of(share, 'reviews', contract.min_label_share)}"
        if contract.max_label_share is not None and share > contract.max_label_share:
            yield f"max_label_share: {name!r} has {_of(share, 'reviews', contract.max_label_share)}"


def _of_shares(contract: Contract, measured: Figures, figures: Figures) -> Iterator[str]:
    n_reviews, n_tokens = measured["reviews"], measured["tokens"]
    repeated = measured["duplicates"]
    if repeated is not None:
        repeated += (measured.get("repeated") or 0) + figures["reviews"]["duplicates"]
    for name, what, count, total, of in (
        ("max_unknown_share", "unknown token", measured["unknown"]["tokens"], n_tokens, "tokens"),
        ("max_empty_share", "empty text", measured["empty"], n_reviews, "reviews"),
        ("max_duplicate_share", "repeated text", repeated,
         n_reviews + figures["reviews"]["duplicates"], "reviews"),
    ):  # fmt: skip
        limit = getattr(contract, name)
        if limit is None:
            continue
        if count is None:
            yield f"{name}: there are too many reviews to count each {what}"
        elif total and count / total > limit:
            yield f"{name}: {counted(count, what)}, {_of(count / total, of, limit)}"


def _of_changes(contract: Contract, figures: Figures, earlier: Sequence[Figures]) -> Iterator[str]:
    """Yield what is too far from the last generations; nothing where there is none."""
    before, now = _mean_length(earlier), _mean_length([figures])
    limit = contract.max_length_change
    if limit is not None and before and now is not None and abs(now / before - 1) > limit:
        yield (
            f"max_length_change: a review has {now:,.1f} tokens on average, in the last "
            f"generations {before:,.1f} ({now / before - 1:+.1%}), {limit:.1%} are expected at most"
        )
    rejected, rejected_now = _rejected_share(earlier), _rejected_share([figures])
    limit = contract.max_rejected_increase
    if limit is None or rejected is None or rejected_now is None:
        return
    if rejected_now - rejected > limit:
        yield (
            f"max_rejected_increase: {rejected_now:.2%} of the records were rejected, in the last "
            f"generations {rejected:.2%}, at most {limit:.2%} more are expected"
        )


def _mean_length(all_figures: Iterable[Figures]) -> float | None:
    return _ratio([each["measured"] for each in all_figures], "tokens", "reviews")


def _rejected_share(all_figures: Iterable[Figures]) -> float | None:
    return _ratio([each.get("reviews") for each in all_figures], "rejected", "read")


def _ratio(counts: Sequence[Figures | None], part: str, whole: str) -> float | None:
    total = sum(each[whole] for each in counts if each)
    return sum(each[part] for each in counts if each) / total if total else None


def _of(share: float, of: str, limit: float) -> str:
    return f"{share:.2%} of the {of}; the limit is {limit:.2%}"
