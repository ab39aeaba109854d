import pyarrow as pa
import pytest

from transforms.functional.errors import InputError
from transforms.functional.reviews import labels as labels_module
from transforms.functional.reviews.labels import encode_labels, map_label_names, names_of


@pytest.mark.parametrize(
    ("names", "mapping"),
    [
        (["pos", "neg", "pos"], {"neg": 0, "pos": 1}),
        (["pos", "neg", "unsup"], {"neg": 0, "pos": 1, "unsup": -1}),
        (["b", "B", "é", "a"], {"B": 0, "a": 1, "b": 2, "é": 3}),
        (["1", "0", "10"], None),
        (["-1", "5"], None),
        (["1", "0", "unsup"], {"0": 0, "1": 1, "unsup": -1}),
        (["unsup"], {"unsup": -1}),
        (["1", "0", "N/A"], {"0": 0, "1": 1, "N/A": 2}),
        (["1.0", "0.0"], {"0.0": 0, "1.0": 1}),
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
    assert map_label_names(["1", "2", ""]) is None
    assert map_label_names(["pos", "", "neg"]) == {"neg": 0, "pos": 1}


def test_too_many_names_are_no_classes(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_LABEL_NAMES", 3)
    assert map_label_names("abc") == {"a": 0, "b": 1, "c": 2}
    with pytest.raises(InputError, match=r"more than 3 different strings.*--label_column"):
        map_label_names("abcd")


def test_numbers_as_strings_are_the_same_numbers_however_they_are_padded():
    labels = pa.array(["1", "01", "-2", "-0", " 1", "1 ", "1\n", "", "1e3", "0x1", "9" * 18])
    assert encode_labels(labels, None).to_pylist() == [1, 1, -2, 0, *[None] * 6, int("9" * 18)]


def test_a_mapping_knows_its_names_and_nothing_else():
    labels = pa.array(["b", "a", "c", None, "A", "a "])
    assert encode_labels(labels, {"a": 5, "b": -1}).to_pylist() == [-1, 5, None, None, None, None]
    assert encode_labels(pa.array(["a"]), {}).to_pylist() == [None]


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
