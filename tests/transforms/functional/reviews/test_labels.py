import json

import pyarrow as pa
import pytest

from transforms.functional.errors import InputError, UsageError
from transforms.functional.reviews import labels as labels_module
from transforms.functional.reviews.labels import (
    encode_labels,
    folder_label,
    folder_numbers,
    hugging_face_classes,
    map_label_names,
    names_of,
)


@pytest.mark.parametrize(
    ("names", "mapping"),
    [
        (["pos", "neg", "pos"], {"neg": 0, "pos": 1}),
        (["pos", "neg", "unsup"], {"neg": 0, "pos": 1, "unsup": -1}),
        (["b", "B", "é", "a"], {"B": 0, "a": 1, "b": 2, "é": 3}),
        (["1", "0", "10"], {}),
        (["-1", "5"], {}),
        (["1", "0", "unsup"], {"0": 0, "1": 1, "unsup": -1}),
        (["unsup"], {"unsup": -1}),
        (["1", "0", "N/A"], {"0": 0, "1": 1, "N/A": 2}),
        (["1.0", "0.0", "10.00"], {}),
        (["9" * 19], {"9" * 19: 0}),
        (["+1", "²", "\u0661"], {"+1": 0, "²": 1, "\u0661": 2}),
        ([], {}),
    ],
)
def test_names_are_numbered_in_order_and_numbers_stay_numbers(names, mapping):
    assert map_label_names(names) == mapping
    assert map_label_names(reversed(names)) == mapping


def test_one_empty_label_does_not_turn_numbers_into_names():
    """Else a CSV file with `1`, `2` and one empty field would get classes 0, 1 and 2."""
    assert map_label_names(["1", "2", ""]) == {}
    assert map_label_names(["pos", "", "neg"]) == {"neg": 0, "pos": 1}


def test_too_many_names_are_no_classes(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_LABEL_NAMES", 3)
    assert map_label_names("abc") == {"a": 0, "b": 1, "c": 2}
    with pytest.raises(InputError, match=r"more than 3 different strings.*--label_column"):
        map_label_names("abcd")


def test_numbers_as_strings_are_the_same_numbers_however_they_are_padded():
    labels = pa.array(["1", "01", "-2", "-0", " 1", "1 ", "1\n", "", "1e3", "0x1", "9" * 18])
    assert encode_labels(labels, None).to_pylist() == [1, 1, -2, 0, *[None] * 6, int("9" * 18)]


def test_floats_as_strings_are_the_integers_that_they_are_in_parquet():
    """Pandas writes `1.0` for an integer in a column that has a missing one."""
    written = pa.array(["1.0", "2.0", "10.0", "1.5", "1.", ".0", "-1.00"])
    assert encode_labels(written, None).to_pylist() == [1, 2, 10, None, None, None, -1]
    assert encode_labels(pa.array([1.0, 2.0, 10.0, 1.5]), None).to_pylist() == [1, 2, 10, None]


def test_classes_are_all_that_counts_by_name_or_by_number():
    classes = ("neg", "pos")
    assert encode_labels(pa.array(["pos", "neg", "1", "bad", "2"]), None, classes).to_pylist() == [
        *(1, 0, 1),
        *(None, None),
    ]
    assert encode_labels(pa.array([0, 1, 2, -1, -2]), None, classes).to_pylist() == [
        *(0, 1, None),
        *(-1, None),
    ]
    # A class that is called like another one's number.
    assert encode_labels(pa.array(["1", "2"]), None, ("1", "2")).to_pylist() == [0, 1]
    assert encode_labels(pa.array([1, 0]), None, ("1", "2")).to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("aclImdb/train/pos", "pos"),
        ("in/label=10", "10"),
        ("in/label=10/day=2026-01-01", "10"),
        ("in/day=2026-01-01/label=very%20good", "very good"),
        ("in/sentiment=pos", "pos"),
        ("label=1/deeper/label=2", "2"),
    ],
)
def test_a_folder_says_a_label(folder, label):
    assert folder_label(folder) == label


def test_folders_are_numbered_as_names_are_and_integers_stay_themselves():
    assert folder_numbers(["pos", "neg"], (), None) == {"neg": 0, "pos": 1}
    assert folder_numbers(["10", "2"], (), None) == {"10": 10, "2": 2}
    assert folder_numbers(["10", "__HIVE_DEFAULT_PARTITION__"], (), None) == {
        "10": 10,
        "__HIVE_DEFAULT_PARTITION__": -1,
    }
    assert folder_numbers(["new"], (), {"neg": 0, "pos": 1}) == {"neg": 0, "pos": 1, "new": 2}
    assert folder_numbers(["pos", "unsup"], ("pos", "neg"), None) == {
        "pos": 0,
        "neg": 1,
        "unsup": -1,
    }
    with pytest.raises(UsageError, match="the folder bad is none of --label_names pos,neg"):
        folder_numbers(["pos", "bad"], ("pos", "neg"), None)


def test_names_of_hugging_face_are_read_from_the_schema():
    feature = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    info = {"info": {"features": {"text": {"dtype": "string"}, "label": feature}}}
    schema = pa.schema([("text", pa.string()), ("label", pa.int64())])
    named = schema.with_metadata({"huggingface": json.dumps(info)})
    assert hugging_face_classes(named, "label") == ("neg", "pos")
    for column, there in (("text", named), ("other", named), ("label", schema)):
        assert hugging_face_classes(there, column) == ()
    for broken in ("{", "[]", '{"info": 3}', '{"info": {"features": {"label": {"names": 3}}}}'):
        assert hugging_face_classes(schema.with_metadata({"huggingface": broken}), "label") == ()


def test_a_mapping_knows_its_names_and_nothing_else():
    labels = pa.array(["b", "a", "c", None, "A", "a "])
    assert encode_labels(labels, {"a": 5, "b": -1}).to_pylist() == [-1, 5, None, None, None, None]


def test_an_empty_mapping_means_integers():
    """No side input may be None: engines in Java cannot hold it."""
    assert encode_labels(pa.array(["a", "7"]), {}).to_pylist() == [None, 7]
    assert encode_labels(pa.array(["a", "7"]), None).to_pylist() == [None, 7]


def test_numbers_and_booleans_have_names_too():
    """For JSON Lines, where one file may hold `1` and the next `"1"`."""
    assert names_of(pa.array([1, None, -3])).to_pylist() == ["1", None, "-3"]
    assert names_of(pa.array([True, False])).to_pylist() == ["1", "0"]
    assert encode_labels(pa.array([1, 2]), {"1": 7}).to_pylist() == [7, None]


def test_floats_are_labels_only_where_they_are_integers_of_64_bits():
    floats = [1.0, -0.0, 1.5, float("nan"), float("inf"), -(2.0**63), 2.0**63, None]
    assert encode_labels(pa.array(floats), None).to_pylist() == [
        1,
        0,
        *[None] * 3,
        -(2**63),
        None,
        None,
    ]
