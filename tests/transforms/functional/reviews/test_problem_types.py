"""Numbers and lists of classes as labels: what each value becomes, and what is no label."""

from __future__ import annotations

import decimal
import json

import numpy as np
import pyarrow as pa
import pytest

from transforms.functional.dataset.shards import content_sha256, rows_table
from transforms.functional.elements import index_of
from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.reviews.labels import hugging_face_classes
from transforms.functional.reviews.problem_types import (
    LABEL_TYPES,
    class_names_in,
    encode_lists,
    encode_numbers,
    list_texts,
    multi_hot,
    number_classes,
)
from transforms.functional.reviews.reviews import (
    ReviewChunk,
    cut_parts,
    digest_of,
    make_reviews,
)
from transforms.functional.rows.rows import Rows

NAMES = {"acting": 0, "music": 1, "plot": 2}
DIGITS = {"0": 0, "1": 1, "2": 2}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([7, None, -1], pa.int8()),
        pa.array([7.0, float("nan"), -1.0], pa.float64()),
        pa.array([7.0, float("inf"), -1.0], pa.float32()),
        pa.array([decimal.Decimal("7.00"), None, decimal.Decimal("-1.00")]),
        pa.array(["7", "seven", "-1"]),
        pa.array(["7.", "", "-1e0"], pa.string_view()),
        pa.array(["7", None, "-1"]).dictionary_encode(),
        pa.array([7.0, 1e39, -1.0], pa.float64()),
    ],
    ids=lambda values: str(values.type),
)
def test_a_number_of_any_type_is_a_float32_and_others_are_null(values):
    encoded = encode_numbers(values)
    assert encoded.type == LABEL_TYPES[REGRESSION]
    assert encoded.to_pylist() == [7.0, None, -1.0]


def test_numbers_are_written_as_in_json_and_csv():
    texts = ["1.5", "1e2", ".5", "-0.25", "+1", " 1", "1,5", "0x1", "nan", "inf", "1_000"]
    assert encode_numbers(pa.array(texts)).to_pylist() == [1.5, 100, 0.5, -0.25, *[None] * 7]
    assert encode_numbers(pa.array([True, False])).to_pylist() == [1, 0]
    assert encode_numbers(pa.array([2**53 + 1])).to_pylist() == [2.0**53]


@pytest.mark.parametrize(
    ("value", "numbers", "hot"),
    [
        (["plot", "acting"], NAMES, [1, 0, 1]),
        (["plot", "plot"], NAMES, [0, 0, 1]),
        ([], NAMES, [0, 0, 0]),
        ([2, 0], NAMES, [1, 0, 1]),
        ([2, 0], DIGITS, [1, 0, 1]),
        ([0.0, 1.0, 0.25], NAMES, [0, 1, 0.25]),
        ([True, False, True], DIGITS, [1, 0, 1]),
        (["1"], DIGITS, [0, 1, 0]),
    ],
)
def test_names_numbers_and_multi_hot_lists_become_a_value_for_each_class(value, numbers, hot):
    assert multi_hot(json.dumps(value), numbers) == hot


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is no list of classes in JSON"),
        ("", "is no list of classes in JSON"),
        ("acting", "is no list of classes in JSON"),
        ("['acting']", "is no list of classes in JSON"),
        ("[" * 100_000, "is no list of classes in JSON"),
        ('{"acting": 1}', "is no list of classes"),
        ("3", "is no list of classes"),
        ('["style"]', "holds 'style', which is not one of the classes"),
        ("[3]", "holds '3', which is not one of the classes"),
        ("[-1]", "holds '-1', which is not one of the classes"),
        ("[0, 1, 0]", "holds a class twice: multi-hot labels are floats"),
        ("[0.0, 1.0]", "has 2 values, but there are 3 classes"),
        ("[0.0, 1.0, 2.0]", "holds a value that is not from 0 to 1"),
        ("[0.0, 1.0, NaN]", "holds a value that is not from 0 to 1"),
        ('["acting", 1]', "holds values of more than one kind"),
        ('["acting", null]', "holds values of more than one kind, or null"),
        ("[0, 1.0, 0]", "holds values of more than one kind"),
    ],
)
def test_what_is_no_list_of_classes_is_said(text, reason):
    found = multi_hot(text, NAMES)
    assert isinstance(found, str)
    assert found.startswith(reason)


@pytest.mark.parametrize(
    ("values", "names"),
    [([0, 1], "ab"), ([1, 0], "ab"), ([0], "a")],
)
def test_integers_that_may_be_numbers_or_a_value_for_each_class_are_refused(values, names):
    numbers = {name: number for number, name in enumerate(names)}
    reason = multi_hot(json.dumps(values), numbers)
    assert reason == (
        "may be numbers of classes, or a value for each class: write names of classes, or floats "
        "(0.0, 1.0)"
    )
    # Both cures are true, and no other list of integers is refused.
    assert multi_hot(json.dumps(list(map(float, values))), numbers) == values
    assert multi_hot(json.dumps(list(names)), numbers) == [1] * len(names)
    assert multi_hot("[0, 1]", NAMES) == [1, 1, 0]
    assert multi_hot("[1]", {"a": 0, "b": 1}) == [0, 1]


def test_integers_in_lists_of_class_labels_are_numbers_whatever_they_may_be():
    classes = ("neg", "pos")
    for column in (pa.list_(pa.int64()), pa.list_(pa.int64(), 2)):
        texts = list_texts(pa.array([[0, 1], None, [1, 7]], column), classes).to_pylist()
        assert texts == ['["neg", "pos"]', None, '["pos", "7"]']


def test_integers_beside_names_that_were_found_are_no_numbers_of_them():
    """Only classes that a person has named, in an order, have numbers that others know."""
    assert number_classes(["plot", 7, "acting"]) == {"acting": 0, "plot": 1}


@pytest.mark.parametrize(
    ("found", "known", "numbers"),
    [
        (["b", "a"], None, {"a": 0, "b": 1}),
        ([3, 0], None, {"0": 0, "1": 1, "2": 2, "3": 3}),
        (["3", "0"], None, {"0": 0, "3": 1}),
        ([], None, {}),
        (["c", "a"], {"b": 0, "a": 1}, {"b": 0, "a": 1, "c": 2}),
        ([3], {"0": 0, "1": 1}, {"0": 0, "1": 1, "2": 2, "3": 3}),
        ([1], {"a": 0, "b": 1}, {"a": 0, "b": 1}),
    ],
)
def test_classes_are_numbered_without_a_gap_and_keep_their_numbers(found, known, numbers):
    assert number_classes(found, known) == numbers


def test_a_number_that_no_class_can_have_makes_no_million_classes():
    assert list(class_names_in("[3, -1, 1000000]")) == [3]
    assert list(class_names_in("[0.0, 1.0, 0.0]")) == [2]
    assert list(class_names_in("no list")) == []


@pytest.mark.parametrize(
    "lists",
    [
        pa.array([["a", "b"], None, []]),
        pa.array([["a", "b"], None, []], pa.large_list(pa.large_string())),
        pa.array([["a", "b"], None, []], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        pa.array(['["a", "b"]', None, "[]"]),
    ],
    ids=lambda lists: str(lists.type),
)
def test_lists_of_any_type_become_json(lists):
    assert list_texts(lists).to_pylist() == ['["a", "b"]', None, "[]"]


def test_integers_in_lists_of_one_length_are_multi_hot():
    fixed = pa.array([[0, 1, 1]], pa.list_(pa.int8(), 3))
    assert multi_hot(list_texts(fixed)[0].as_py(), DIGITS) == [0, 1, 1]


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "_type": "List"},
        {"feature": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "_type": "Sequence"},
        [{"names": ["neg", "pos"], "_type": "ClassLabel"}],
    ],
)
def test_names_of_a_list_of_class_labels_are_kept(feature):
    info = json.dumps({"info": {"features": {"labels": feature}}}).encode()
    schema = pa.schema([("labels", pa.list_(pa.int64()))], metadata={b"huggingface": info})
    assert hugging_face_classes(schema, "labels") == ("neg", "pos")


def _reviews(labels: pa.Array) -> pa.RecordBatch:
    n = len(labels)
    return make_reviews(pa.array(["a"] * n), labels, np.zeros(n, np.uint32), np.arange(n))


@pytest.mark.parametrize(
    ("labels", "stored"),
    [
        (encode_numbers(pa.array([7.5, 1])), pa.float32()),
        (encode_lists(pa.array(['["plot"]', "[]"]), NAMES), pa.list_(pa.float32())),
    ],
    ids=["numbers", "lists"],
)
def test_labels_reach_the_column_of_a_shard_with_the_windows_of_their_review(labels, stored):
    (part,) = cut_parts([ReviewChunk(reviews=_reviews(labels))], split=0, part_bytes=1000)
    index = index_of(part)
    rows = Rows(
        row_length=1,
        offsets=np.arange(4),
        input_ids=np.ones(3, np.uint32),
        attention_mask=np.ones(3, np.bool_),
        word_starts=np.ones(3, np.bool_),
        review=np.array([0, 0, 1]),
    )
    table = rows_table(
        rows, vocab_size=9, sources=index.sources, records=index.records, labels=index.labels
    )
    first, second = labels.to_pylist()
    assert table["labels"].to_pylist() == [first, first, second]
    assert table.schema.field("labels").type.to_pandas_dtype() == stored.to_pandas_dtype()
    assert len(content_sha256(table)) == 64


def test_reviews_that_differ_in_one_class_have_other_digests():
    one, other, third = (
        digest_of(_reviews(encode_lists(pa.array(texts), NAMES)))
        for texts in (['["plot"]', "[]"], ['["acting"]', "[]"], ["[]", '["plot"]'])
    )
    assert len({one, other, third}) == 3
    assert LABEL_TYPES[MULTI] == pa.list_(pa.float32())
