import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from transforms.functional.errors import InputError
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews import labels as labels_module
from transforms.functional.reviews.splits import Split
from transforms.labels import CollectLabels, label_names_of_split

_LABEL = ReviewColumns(text="label")


def _split(path, number: int = 0) -> Split:
    return Split(number=number, files=(FileRange(source=0, path=str(path), format="csv"),))


def _csv(path, labels: list[str]):
    path.write_text("text,label\n" + "".join(f"a,{label}\n" for label in labels))
    return path


def test_the_names_of_a_split_are_a_set(tmp_path):
    split = _split(_csv(tmp_path / "a.csv", ["pos", "neg", "pos", ""]))
    assert list(label_names_of_split(split, _LABEL)) == [["", "neg", "pos"]]


def test_titles_are_no_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_LABEL_NAMES", 2)
    split = _split(_csv(tmp_path / "a.csv", ["a", "b", "c"]))
    with pytest.raises(InputError, match="--label_column"):
        list(label_names_of_split(split, _LABEL))


@pytest.mark.parametrize(
    ("labels", "mapping"),
    [
        ([["pos"], ["neg", "pos"], []], {"neg": 0, "pos": 1}),
        ([["1", "0"], ["2", ""]], None),
    ],
)
def test_one_mapping_comes_out_for_all_splits(tmp_path, labels, mapping):
    splits = [
        _split(_csv(tmp_path / f"{i}.csv", names), number=i) for i, names in enumerate(labels)
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        found = pipeline | beam.Create(splits[::-1]) | CollectLabels("label")
        assert_that(found, equal_to([] if mapping is None else [mapping]))
