"""Labels that are not one class: a number, or several classes at once.

A review of several classes has *multi-hot* labels: a float for each class, 1 where it applies.
Readers hand lists of classes over as JSON text, whatever file they stand in; such a list holds

- strings: names of classes;
- whole numbers: numbers of classes, each once;
- floats or booleans: the multi-hot labels themselves, from 0 to 1.

Whole numbers that may be either, as `[0, 1]` where there are two classes, are no labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType
from transforms.functional.reviews.labels import (
    MAX_LABEL_NAMES,
    add_label_names,
    check_label_count,
    class_numbers,
    dictionary_decoded,
    integer_of,
    is_text,
)

# Of the labels in a part, and of the column in a shard.
LABEL_TYPES: dict[ProblemType, pa.DataType] = {
    SINGLE: pa.int64(),
    MULTI: pa.list_(pa.float32()),
    REGRESSION: pa.float32(),
}

HOT = 0.5  # From this on a class applies.

_NUMBER = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"


def can_hold(label_type: pa.DataType, problem_type: ProblemType) -> bool:
    """Return True where a column of this Arrow type may hold the labels."""
    if pa.types.is_dictionary(label_type):
        label_type = label_type.value_type
    if problem_type == MULTI:
        return is_text(label_type) or pa.types.is_null(label_type) or is_list(label_type)
    if problem_type == REGRESSION and pa.types.is_decimal(label_type):
        return True
    return _is_plain(label_type) or bool(pa.types.is_null(label_type))


def encode_numbers(labels: pa.Array) -> pa.FloatArray:
    """Return labels as float32, null where a label is null, no number, or not finite.

    Args:
        labels: (n,) numbers, booleans, or numbers as strings.
    """
    labels = dictionary_decoded(labels)
    if is_text(labels.type):
        labels = labels.cast(pa.large_string())
        is_number = pc.match_substring_regex(labels, _NUMBER)
        labels = pc.if_else(is_number, labels, pa.scalar(None, labels.type))
    elif pa.types.is_boolean(labels.type):
        labels = labels.cast(pa.int64())
    values = labels.cast(pa.float64(), safe=False).cast(pa.float32())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float32()))


def encode_lists(labels: pa.Array, numbers: Mapping[str, int]) -> pa.ListArray:
    """Return multi-hot labels, null where `multi_hot` gives a reason instead.

    Args:
        labels: (n,) lists of classes as JSON text.
        numbers: Number of each class by its name.

    Returns:
        (n,) lists of float32, as long as there are classes.
    """
    texts = labels.cast(pa.large_string()).to_pylist()
    rows = [multi_hot(text, numbers) for text in texts]
    return pa.array([None if isinstance(row, str) else row for row in rows], LABEL_TYPES[MULTI])


def multi_hot(text: str | None, numbers: Mapping[str, int]) -> list[float] | str:
    """Return the multi-hot labels of one review, or why it has none.

    Args:
        text: A list of classes as JSON.
        numbers: Number of each class by its name; where classes have none, by its digits.
    """
    values = _list_of(text)
    if isinstance(values, str):
        return values
    n_classes = max(numbers.values(), default=-1) + 1
    kind = _kind_of(values)
    if kind == "multi-hot":
        if len(values) != n_classes:
            return f"has {len(values)} values, but there are {n_classes} classes"
        if not all(0 <= value <= 1 for value in values):
            return "holds a value that is not from 0 to 1"
        return [float(value) for value in values]
    if kind is None:
        return "holds values of more than one kind, or null"
    known = numbers if kind == "names" else {str(number): number for number in numbers.values()}
    hot = [0.0] * n_classes
    for name in map(str, values):
        if name not in known:
            return f"holds {name[:80]!r}, which is not one of the classes"
        hot[known[name]] += 1
    if kind == "numbers" and max(hot, default=0) > 1:
        return "holds a class twice: multi-hot labels are floats (0.0, 1.0), not integers"
    if kind == "numbers" and len(values) == n_classes and {*values} <= {0, 1}:
        return (
            "may be numbers of classes, or a value for each class: write names of classes, or "
            "floats (0.0, 1.0)"
        )
    return [min(value, 1.0) for value in hot]


def class_names_in(text: str | None) -> Iterator[str | int]:
    """Yield the classes in a list: names, or numbers; nothing of what is no list of classes."""
    values = _list_of(text)
    if isinstance(values, str):
        return
    kind = _kind_of(values)
    if kind == "multi-hot":
        values = [len(values) - 1]
    if kind is not None:
        # A number that no class can have is one record's fault.
        yield from (v for v in values if isinstance(v, str) or 0 <= v < MAX_LABEL_NAMES)


def number_classes(
    found: Iterable[str | int], known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return the number of each class by its name, without a gap.

    Args:
        found: Names or numbers of classes; where there are names, numbers count for nothing.
        known: Numbers that names have already, in a dataset that the job adds to.

    Raises:
        InputError: there are more than `MAX_LABEL_NAMES` names.
    """
    found = list(found)
    names = {item for item in found if isinstance(item, str)}
    digits = [n for name in known or () if (n := integer_of(name)) is not None]
    if not names and len(digits) == len(known or ()):
        largest = max((item for item in (*digits, *found) if isinstance(item, int)), default=-1)
        return {str(number): number for number in range(largest + 1)}
    if known is not None:
        return add_label_names(names, known)
    check_label_count(len(names))
    return class_numbers(sorted(names - {""}))


def list_texts(labels: pa.Array, classes: Sequence[str] = ()) -> pa.Array:
    """Return lists of classes as JSON text; text as it is.

    Lists that all have one length by their type are multi-hot, integers too.

    Args:
        labels: (n,) lists, or their texts.
        classes: What integers in the lists are the numbers of, where the file's schema says so.
    """
    labels = dictionary_decoded(labels)
    if not pa.types.is_nested(labels.type):
        return labels
    of_integers = pa.types.is_integer(labels.type.value_type)
    rows = labels.to_pylist()
    if of_integers and classes:
        names = dict(enumerate(classes))
        rows = [row and [names.get(number, str(number)) for number in row] for row in rows]
    elif of_integers and pa.types.is_fixed_size_list(labels.type):
        rows = labels.cast(pa.list_(pa.float64(), labels.type.list_size)).to_pylist()
    texts = (None if row is None else list_text(row) for row in rows)
    return pa.array(texts, pa.large_string())


def list_text(values: list[Any]) -> str:
    """Return a list of classes as JSON text."""
    return json.dumps(values, ensure_ascii=False)


def _list_of(text: str | None) -> list[Any] | str:
    """Return the list in a JSON text, or why there is none."""
    try:
        values = json.loads(text or "")
    except (ValueError, RecursionError):
        return 'is no list of classes in JSON, such as ["a", "b"]'
    return values if isinstance(values, list) else "is no list of classes"


def _kind_of(values: list[Any]) -> Literal["names", "numbers", "multi-hot"] | None:
    """Return what the values of a list are, None where they are of no kind, or of several."""
    kinds = {type(value) for value in values}
    if kinds <= {str}:
        return "names"
    if kinds == {int}:
        return "numbers"
    if kinds <= {float, bool}:
        return "multi-hot"
    return None


def _is_plain(label_type: pa.DataType) -> bool:
    kinds = (is_text, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return any(is_kind(label_type) for is_kind in kinds)


def is_list(label_type: pa.DataType) -> bool:
    """Return True for Arrow's types of lists that may hold several classes."""
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(check(label_type) for check in lists):
        return False
    inner = label_type.value_type
    return _is_plain(inner.value_type if pa.types.is_dictionary(inner) else inner)
