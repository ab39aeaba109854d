"""Class labels: integers as they are, names by a mapping that is one for the whole dataset.

A name is a string label: a value of a string column, or the folder of a review in the aclImdb
layout. Names that are all integers (a CSV file's `0` and `1`) keep their value; other names are
numbered in alphabetical order. An empty string is no name: such a review has no label. The folder
name `unsup` means "no label" too, but is -1, as in the `imdb` dataset of Hugging Face.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.errors import InputError

MAX_LABEL_NAMES = 10_000  # More distinct names than this are no classes but, say, titles.
UNLABELLED_NAME = "unsup"
UNLABELLED = -1

_INTEGER = r"^-?[0-9]{1,18}$"


def map_label_names(names: Iterable[str]) -> dict[str, int] | None:
    """Return the number of each name, or None when every name is an integer and stays itself.

    Raises:
        InputError: there are more than `MAX_LABEL_NAMES` names.
    """
    distinct = sorted(set(names) - {""})
    check_label_count(len(distinct))
    if distinct and all(_is_integer(name) for name in distinct if name != UNLABELLED_NAME):
        if UNLABELLED_NAME not in distinct:
            return None
        return {name: _number(name) for name in distinct}
    classes = [name for name in distinct if name != UNLABELLED_NAME]
    mapping = {name: number for number, name in enumerate(classes)}
    if UNLABELLED_NAME in distinct:
        mapping[UNLABELLED_NAME] = UNLABELLED
    return mapping


def add_label_names(names: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of a dataset's names, and of new ones behind them in alphabetical order.

    Raises:
        InputError: there are more than `MAX_LABEL_NAMES` names.
    """
    names = set(names)
    new = sorted(names - set(known) - {"", UNLABELLED_NAME})
    check_label_count(len(known) + len(new))
    first = max(known.values(), default=-1) + 1
    mapping = {**known, **{name: number for number, name in enumerate(new, first)}}
    return {**mapping, UNLABELLED_NAME: UNLABELLED} if UNLABELLED_NAME in names else mapping


def check_label_count(n_names: int) -> None:
    """Raise `InputError` when there are too many label names to be classes."""
    if n_names > MAX_LABEL_NAMES:
        raise InputError(
            f"the label column holds more than {MAX_LABEL_NAMES:,} different strings, which are "
            f"hardly classes: name another --label_column"
        )


def encode_labels(labels: pa.Array, mapping: Mapping[str, int] | None) -> pa.Int64Array:
    """Return integer labels, null where a label is null, unknown, or no integer.

    Args:
        labels: (n,) integers, booleans, integral floats, or strings.
        mapping: Number of each name, or None where labels are integers (also as strings).
    """
    labels = dictionary_decoded(labels)
    if mapping is not None:
        names = list(mapping)
        numbers = pa.array(list(mapping.values()), pa.int64())
        return numbers.take(pc.index_in(names_of(labels), pa.array(names, pa.large_string())))
    if _is_text(labels.type):
        labels = labels.cast(pa.large_string())
        integral = pc.match_substring_regex(labels, _INTEGER)
    elif pa.types.is_floating(labels.type):
        labels = labels.cast(pa.float64())
        # -2**63 and 2**63 are exact in float64; not-a-number and infinity pass neither test.
        in_range = pc.and_(pc.greater_equal(labels, -(2.0**63)), pc.less(labels, 2.0**63))
        integral = pc.and_(pc.equal(pc.round(labels), labels), in_range)
    elif pa.types.is_uint64(labels.type):
        integral = pc.less(labels, pa.scalar(2**63, pa.uint64()))
    else:
        return labels.cast(pa.int64())
    return pc.if_else(integral, labels, pa.scalar(None, labels.type)).cast(pa.int64())


def dictionary_decoded(values: pa.Array) -> pa.Array:
    """Return the values of a dictionary array, any other as it is.

    Arrow's own cast knows no views, which polars uses for categorical columns.
    """
    if not pa.types.is_dictionary(values.type):
        return values
    distinct = values.dictionary
    if _is_text(distinct.type):
        distinct = distinct.cast(pa.large_string())
    elif pa.types.is_binary_view(distinct.type):
        distinct = distinct.cast(pa.large_binary())
    return distinct.take(values.indices)


def names_of(labels: pa.Array) -> pa.LargeStringArray:
    """Return labels of any kind as names."""
    if pa.types.is_boolean(labels.type):
        labels = labels.cast(pa.int64())
    return labels.cast(pa.large_string())


def are_names(label_type: pa.DataType) -> bool:
    """Return True when labels of this Arrow type need to be mapped over the whole dataset."""
    if pa.types.is_dictionary(label_type):
        label_type = label_type.value_type
    return _is_text(label_type)


def _is_text(label_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(label_type)
        or pa.types.is_large_string(label_type)
        or pa.types.is_string_view(label_type)
    )


def _is_integer(name: str) -> bool:
    digits = name.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18


def _number(name: str) -> int:
    return UNLABELLED if name == UNLABELLED_NAME else int(name)
