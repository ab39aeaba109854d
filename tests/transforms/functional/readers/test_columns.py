"""Every column type that can hold text or labels, in every format that has types."""

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.functional.readers.files import arrow_file, arrow_stream, parquet_file
from tests.transforms.functional.readers.seen import (
    LABELLED,
    NAMED,
    labelled,
    read,
    rejected,
    reviews,
)
from transforms.functional.errors import MissingColumnError

_WRITE = {"parquet": parquet_file, "arrow": arrow_file, "arrow stream": arrow_stream}
_STRINGS = [pa.string(), pa.large_string(), pa.string_view()]
_BINARIES = [pa.binary(), pa.large_binary(), pa.binary_view()]
_BAD = b"b\xffd"


def _read(table: pa.Table, write: str, columns=None):
    data = _WRITE[write](table)
    return read(data, write.split()[0], *([] if columns is None else [columns]))


def _unchecked(values: list[bytes | None], text_type: pa.DataType) -> pa.Array:
    """Return strings that nobody has looked at: Arrow itself writes such files."""
    raw = pa.array(values, pa.binary())
    strings = pa.StringArray.from_buffers(len(raw), *raw.buffers()[1:], raw.buffers()[0])
    return strings.cast(text_type)


@pytest.mark.parametrize("write", _WRITE)
@pytest.mark.parametrize("text_type", [*_STRINGS, *_BINARIES], ids=str)
def test_text_of_every_type_is_read_and_null_is_rejected(write, text_type):
    values = ["one", None, "", "vier é🎬" * 5]
    if text_type in _BINARIES:
        values = [None if value is None else value.encode() for value in values]
    chunks = _read(pa.table({"text": pa.array(values, text_type)}), write)
    assert reviews(chunks) == [(0, "one"), (2, ""), (3, "vier é🎬" * 5)]
    assert rejected(chunks) == [(1, "text is null", b"")]


@pytest.mark.parametrize("write", _WRITE)
@pytest.mark.parametrize("value_type", [pa.string(), pa.large_string(), pa.binary()], ids=str)
def test_dictionary_text_is_read(write, value_type):
    values = ["good", "bad", None, "good"]
    plain = pa.array(values, pa.string()).cast(value_type)
    chunks = _read(pa.table({"text": plain.dictionary_encode()}), write)
    assert reviews(chunks) == [(0, "good"), (1, "bad"), (3, "good")]
    assert rejected(chunks) == [(2, "text is null", b"")]


@pytest.mark.parametrize("write", _WRITE)
@pytest.mark.parametrize("text_type", [*_STRINGS, *_BINARIES], ids=str)
def test_invalid_utf8_is_rejected_with_its_bytes_in_every_type(write, text_type):
    values = [b"one", _BAD, None, b"two"]
    column = (
        pa.array(values, text_type) if text_type in _BINARIES else _unchecked(values, text_type)
    )
    chunks = _read(pa.table({"text": column}), write)
    assert reviews(chunks) == [(0, "one"), (3, "two")]
    assert rejected(chunks) == [
        (1, "not UTF-8: byte 0xff at byte 1 (invalid start byte)", _BAD),
        (2, "text is null", b""),
    ]


@pytest.mark.parametrize("write", _WRITE)
def test_invalid_utf8_in_a_dictionary_is_rejected(write):
    column = _unchecked([b"one", _BAD, b"one"], pa.string()).dictionary_encode()
    chunks = _read(pa.table({"text": column}), write)
    assert reviews(chunks) == [(0, "one"), (2, "one")]
    assert [raw for _, _, raw in rejected(chunks)] == [_BAD]


_NUMBER_COLUMNS = {
    "int8": pa.array([1, 0, None, -1], pa.int8()),
    "int64": pa.array([1, 0, None, -1], pa.int64()),
    "float16": pa.array(np.array([1, 0, np.nan, -1], np.float16)),
    "float32": pa.array([1.0, 0.0, None, -1.0], pa.float32()),
    "float64": pa.array([1.0, 0.0, float("nan"), -1.0], pa.float64()),
    "string": pa.array(["1", "0", None, "-1"], pa.string()),
    "large_string": pa.array(["1", "0", None, "-1"], pa.large_string()),
    "string_view": pa.array(["1", "0", None, "-1"], pa.string_view()),
    "dictionary": pa.array(["1", "0", None, "-1"]).dictionary_encode(),
}


@pytest.mark.parametrize("write", _WRITE)
@pytest.mark.parametrize("kind", _NUMBER_COLUMNS)
def test_labels_that_are_numbers_in_every_type(write, kind):
    table = pa.table({"text": ["a", "b", "c", "d"], "label": _NUMBER_COLUMNS[kind]})
    chunks = _read(table, write, LABELLED)
    assert labelled(chunks) == [("a", 1), ("b", 0), ("d", -1)]
    assert [(record, raw) for record, _, raw in rejected(chunks)] == [(2, b"c")]


@pytest.mark.parametrize("write", _WRITE)
def test_boolean_labels_are_zero_and_one(write):
    table = pa.table({"text": ["a", "b", "c"], "label": [True, False, None]})
    assert labelled(_read(table, write, LABELLED)) == [("a", 1), ("b", 0)]


@pytest.mark.parametrize("write", _WRITE)
@pytest.mark.parametrize("label_type", [*_STRINGS, None], ids=str)
def test_label_names_of_every_type_get_their_numbers(write, label_type):
    names = pa.array(["pos", "neg", None, "other", ""])
    names = names.dictionary_encode() if label_type is None else names.cast(label_type)
    table = pa.table({"text": ["a", "b", "c", "d", "e"], "label": names})
    chunks = _read(table, write, NAMED)
    assert labelled(chunks) == [("a", 1), ("b", 0)]
    assert [(record, reason) for record, reason, _ in rejected(chunks)] == [
        (2, "label is null"),
        (3, "label 'other' is not one of the labels (neg, pos)"),
        (4, "label is empty"),
    ]


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (pa.array([2**63], pa.uint64()), "label 9223372036854775808 is not a 64-bit integer"),
        (pa.array([float("inf")]), "label inf is not a 64-bit integer"),
        (pa.array([2.0**63]), "label 9.223372036854776e+18 is not a 64-bit integer"),
        (pa.array([0.5]), "label 0.5 is not a 64-bit integer"),
        (pa.array(["9" * 19]), f"label '{'9' * 19}' is not a 64-bit integer"),
        (pa.array(["one"], pa.string_view()), "label 'one' is not a 64-bit integer"),
        (pa.nulls(1), "label is null"),
        (_unchecked([_BAD], pa.string()), "label is not UTF-8: byte 0xff at byte 1 (invalid "),
    ],
    ids=str,
)
def test_a_label_that_is_no_int64_is_rejected_and_the_file_is_read_on(label, reason):
    table = pa.table({"text": ["a"], "label": label})
    for write in _WRITE:
        chunks = _read(table, write, LABELLED)
        assert labelled(chunks) == []
        record, found, raw = rejected(chunks)[0]
        assert (record, raw) == (0, b"a")
        assert found.startswith(reason[:30])


@pytest.mark.parametrize(
    "label",
    [pa.array([[1]]), pa.array([b"pos"]), pa.array([b"x"], pa.large_binary()), pa.array([{}])],
)
def test_a_label_column_of_another_kind_is_an_error(label):
    with pytest.raises(MissingColumnError, match=r"column 'label' holds .*, not class labels"):
        _read(pa.table({"text": ["a"], "label": label}), "arrow", LABELLED)


def test_a_row_with_two_faults_is_rejected_once():
    table = pa.table({"text": pa.array([None, "b"]), "label": pa.array([None, 1])})
    chunks = _read(table, "parquet", LABELLED)
    assert rejected(chunks) == [(0, "text is null", b"")]
    assert labelled(chunks) == [("b", 1)]


def test_what_polars_writes_is_read(tmp_path):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": ["a", None, "c"], "label": ["pos", "neg", "pos"]})
    frame = frame.with_columns(polars.col("label").cast(polars.Categorical))
    paths = [tmp_path / name for name in ("a.parquet", "a.arrow", "b.arrow")]
    frame.write_parquet(paths[0])
    frame.write_ipc(paths[1])
    frame.write_ipc_stream(paths[2])
    for path in paths:
        chunks = read(path.read_bytes(), path.suffix[1:], NAMED)
        assert labelled(chunks) == [("a", 1), ("c", 1)]
        assert rejected(chunks) == [(1, "text is null", b"")]
