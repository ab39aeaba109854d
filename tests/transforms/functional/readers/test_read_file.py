"""Every format in every compression, whole and damaged."""

import io

import pyarrow as pa
import pytest

from tests.transforms.functional.readers.files import COMPRESS, WRITE, arrow_file, parquet_file
from tests.transforms.functional.readers.seen import LABELLED, TEXT, labelled, read, reviews
from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import (
    LabelKind,
    index_groups,
    label_kind_of,
    read_file,
)

_TEXTS = [f"Review {i}: <br />naïve 🎬 \u0085" + "x" * (i * 7 % 50) for i in range(500)]


def _format(name: str) -> str:
    return name.split()[0]


@pytest.mark.parametrize("compression", [None, *COMPRESS])
@pytest.mark.parametrize("name", WRITE)
def test_every_format_in_every_compression_gives_the_texts(name, compression):
    data = WRITE[name](_TEXTS)
    packed = data if compression is None else COMPRESS[compression](data)
    found = reviews(read(packed, _format(name), compression=compression))
    assert [text for _, text in found] == _TEXTS
    # The place of a review is the same, compressed or not.
    assert found == reviews(read(data, _format(name)))


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_compressed_file_cut_short_is_one_error_that_names_it(name, compression, keep):
    packed = COMPRESS[compression](WRITE[name](_TEXTS))
    with pytest.raises(InputError, match=rf"in/reviews: not readable as {compression} ") as raised:
        read(packed[: int(len(packed) * keep)], _format(name), compression=compression)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["parquet", "arrow", "arrow stream"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_an_indexed_file_cut_short_is_one_error_that_names_it(name, keep):
    data = WRITE[name](_TEXTS)
    with pytest.raises(InputError, match=r"in/reviews: not readable as ") as raised:
        read(data[: int(len(data) * keep)], _format(name))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["parquet", "arrow"])
def test_a_damaged_index_is_an_error_when_planning_too(name):
    file = FileRange(source=0, path="in/reviews", format=name)
    with pytest.raises(InputError, match="in/reviews: not readable as"):
        index_groups(io.BytesIO(WRITE[name](_TEXTS)[:-20]), file, "text")
    with pytest.raises(InputError, match="in/reviews: not readable as"):
        label_kind_of(io.BytesIO(b"PAR1"), file, TEXT)


INTEGER, NAME = LabelKind(names=False), LabelKind(names=True)


def test_folder_labels_go_to_every_review():
    assert labelled(read(b"a\nb\n", "text", label=-1)) == [("a", -1), ("b", -1)]


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("parquet", parquet_file(pa.table({"text": ["a"], "label": [1]})), INTEGER),
        ("parquet", parquet_file(pa.table({"text": ["a"], "label": ["x"]})), NAME),
        ("parquet", parquet_file(pa.table({"text": ["a"], "label": pa.nulls(1)})), None),
        ("arrow", arrow_file(pa.table({"text": ["a"], "label": [True]})), INTEGER),
        ("csv", b"text,label\n", NAME),
        ("tsv", b"label\ttext\n", NAME),
        ("jsonl", b'{"text": "a", "label": 1}\n', INTEGER),
        ("jsonl", b'{"text": "a", "label": "pos"}\n', NAME),
        ("jsonl", b'\n{broken\n{"text": "a", "label": null}\n{"label": "pos"}\n', NAME),
        ("jsonl", b'{"text": "a", "label": null}\n', None),
        ("jsonl", b"", None),
        ("jsonl", b"[" * 200_000, None),
    ],
)
def test_the_kind_of_labels_is_told_by_the_first_that_says_something(name, data, found):
    file = FileRange(source=0, path="in/reviews", format=name)
    assert label_kind_of(io.BytesIO(data), file, LABELLED) == found


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("parquet", parquet_file(pa.table({"text": ["a"]}))),
        ("arrow", arrow_file(pa.table({"text": ["a"]}))),
        ("csv", b"text\n"),
        ("tsv", b"body\n"),
        ("jsonl", b'{"text": "a"}\n'),
    ],
)
def test_a_missing_column_is_found_before_the_job_runs(name, data):
    file = FileRange(source=0, path="in/reviews", format=name)
    with pytest.raises(MissingColumnError, match=r"in/reviews: no column '(label|text)'") as raised:
        label_kind_of(io.BytesIO(data), file, LABELLED)
    assert raised.value.exit_code == 2


def test_a_whole_document_is_read_through_the_same_door():
    file = FileRange(source=4, path="a.txt", format="text")
    chunks = list(read_file(io.BytesIO(b"one\ntwo\n"), file, TEXT, "document"))
    assert reviews(chunks) == [(0, "one\ntwo\n")]
