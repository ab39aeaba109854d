"""Class labels: integers as they are, names by a mapping that is one for the whole dataset.

A name is a string label: a value of a string column, or the folder of a review in the aclImdb
layout. Names that are all integers (a CSV file's `0` and `1`, or `1.0` and `2.0`) keep their value,
and beside them `1.5` is no label, as in a column of floats; other names are numbered in
alphabetical order. An empty string is no name: such a review has no label. The folder names `unsup`
and `__HIVE_DEFAULT_PARTITION__` mean "no label" too, but are -1, as in the `imdb` dataset of
Hugging Face.

*Classes* are names that are known before anything is read, in the order of their numbers: those of
`--label_names`, or of a file's `ClassLabel`. With classes an integer is a label as well, if one of
them has that number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.errors import BadInputError, UsageError

MAX_LABEL_NAMES = 10_000  # More distinct names than this are no classes but, say, titles.
UNLABELLED_NAMES = ("unsup", "__HIVE_DEFAULT_PARTITION__")
UNLABELLED = -1

# A float that Pandas wrote for an integer, beside a missing one, ends in `.0`.
_FRACTION = r"\.0+$"
_INTEGER = r"^-?[0-9]{1,18}(\.0+)?$"
_NUMBER = r"-?[0-9]+(\.[0-9]+)?"


def map_label_names(names: Iterable[str]) -> dict[str, int]:
    """Return the number of each name; nothing when every name is an integer and stays itself.

    Raises:
        InputError: there are more than `MAX_LABEL_NAMES` names.
    """
    distinct = sorted(set(names) - {""})
    check_label_count(len(distinct))
    named = [name for name in distinct if name not in UNLABELLED_NAMES]
    unlabelled = {name: UNLABELLED for name in distinct if name in UNLABELLED_NAMES}
    numbers = {name: n for name in named if (n := integer_of(name)) is not None}
    if len(numbers) < len(named):
        numbers = class_numbers(named)
    elif not unlabelled:
        return {}
    return {**numbers, **unlabelled}


def integer_of(name: str) -> int | None:
    """Return the integer that a name is (`10`, `10.0`), None for any other name."""
    return int(re.sub(_FRACTION, "", name)) if re.fullmatch(_INTEGER, name) else None


def are_numbers(names: Iterable[str]) -> bool:
    """Return True where every name is a number, though not all may be integers."""
    return all(re.fullmatch(_NUMBER, name) for name in names if name)


def folder_numbers(
    names: Iterable[str], classes: Sequence[str], known: Mapping[str, int] | None
) -> dict[str, int]:
    """Return the number of each folder's name.

    Args:
        names: What the folders are called.
        classes: The classes, if they are known.
        known: Numbers in a dataset that the job adds to.

    Raises:
        UsageError: a folder is none of the classes.
    """
    names = sorted(set(names))
    if not classes:
        mapping = map_label_names(names) if known is None else add_label_names(names, known)
        return mapping or {name: n for name in names if (n := integer_of(name)) is not None}
    strange = [name for name in names if name not in (*classes, *UNLABELLED_NAMES)]
    if strange:
        raise UsageError(
            f"the folder {strange[0]} is none of --label_names {','.join(classes)}: add it there, "
            f"or leave its files out of --input"
        )
    unlabelled = {name: UNLABELLED for name in names if name in UNLABELLED_NAMES}
    return {**class_numbers(classes), **unlabelled}


def folder_label(folder: str) -> str:
    """Return the label that a file's folders give.

    In Hive's layout that is the value of `label=VALUE`, on whatever level, and in any other the
    name of the last folder; of `sentiment=pos` the value counts.
    """
    names = folder.split("/")
    hive = [name for name in names if name.startswith("label=")]
    name = (hive or names)[-1]
    _, is_hive, value = name.partition("=")
    return unquote(value) if is_hive else name


def class_numbers(classes: Sequence[str]) -> dict[str, int]:
    """Return the number of each class."""
    return {name: number for number, name in enumerate(classes)}


def hugging_face_classes(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """Return the names of a `ClassLabel`, which `datasets` writes into the schema; () without."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        feature = features[column]
        # Of a list of classes, as one release or another of `datasets` writes it.
        feature = feature[0] if isinstance(feature, list) else feature.get("feature", feature)
        names = feature["names"]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return ()
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_list else ()


def add_label_names(names: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of a dataset's names, followed by new ones in alphabetical order.

    Raises:
        InputError: there are more than `MAX_LABEL_NAMES` names.
    """
    names = set(names)
    new = sorted(names - set(known) - {"", *UNLABELLED_NAMES})
    check_label_count(len(known) + len(new))
    first = max(known.values(), default=-1) + 1
    mapping = {**known, **{name: number for number, name in enumerate(new, first)}}
    return {**mapping, **{name: UNLABELLED for name in UNLABELLED_NAMES if name in names}}


def check_label_count(n_names: int) -> None:
    """Raise `InputError` when there are too many label names to be classes."""
    if n_names > MAX_LABEL_NAMES:
        raise BadInputError(
            f"the label column holds more than {MAX_LABEL_NAMES:,} different strings, which are "
            f"hardly classes: name another --label_column"
        )


def encode_labels(
    labels: pa.Array, mapping: Mapping[str, int] | None, classes: Sequence[str] = ()
) -> pa.Int64Array:
    """Return integer labels, null where a label is null, unknown, or no integer.

    Args:
        labels: (n,) integers, booleans, integral floats, or strings.
        mapping: Number of each name; None or empty where labels are integers (also as strings).
        classes: The classes, if they are known; then they are all that counts.
    """
    labels = dictionary_decoded(labels)
    if classes:
        numbers = _integers_of(labels)
        if is_text(labels.type):
            numbers = pc.coalesce(_numbers_of(labels, class_numbers(classes)), numbers)
        known = pc.and_(pc.greater_equal(numbers, UNLABELLED), pc.less(numbers, len(classes)))
        return pc.if_else(known, numbers, pa.scalar(None, pa.int64()))
    return _numbers_of(labels, mapping) if mapping else _integers_of(labels)


def _numbers_of(labels: pa.Array, mapping: Mapping[str, int]) -> pa.Int64Array:
    numbers = pa.array(list(mapping.values()), pa.int64())
    names = pa.array(list(mapping), pa.large_string())
    return numbers.take(pc.index_in(names_of(labels), names))


def _integers_of(labels: pa.Array) -> pa.Int64Array:
    if is_text(labels.type):
        labels = labels.cast(pa.large_string())
        integral = pc.match_substring_regex(labels, _INTEGER)
        labels = pc.replace_substring_regex(labels, _FRACTION, "")
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
    if is_text(distinct.type):
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
    return is_text(label_type)


def is_text(label_type: pa.DataType) -> bool:
    """Return True for Arrow's types of strings."""
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_kind(label_type) for is_kind in kinds)
