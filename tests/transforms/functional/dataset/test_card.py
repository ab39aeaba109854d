"""The dataset card: what stands in it, and what of a user's own text stays."""

import dataclasses
from typing import Any

import pytest
import yaml

from tests.transforms.functional.dataset.test_manifest import manifest, shard, subsets
from transforms.functional.dataset.card import card_text
from transforms.functional.dataset.manifest import Manifest


def front_matter(text: str | None) -> dict[str, Any]:
    assert text is not None
    document: dict[str, Any] = yaml.safe_load(text.split("\n---\n")[0])
    return document


def at(path: str, part: int) -> Any:
    return dataclasses.replace(shard(part), path=path)


def test_it_names_the_folders_of_generations_and_no_subset_without_rows() -> None:
    shards = [
        at("train/0000000-0000.arrow", 0),
        at("train/000002/0000001-0000.arrow", 1),
        at("train/000002/0000001-0001.arrow", 2),
        at("train/000004/0000002-0000.parquet", 3),
    ]
    found = front_matter(card_text(manifest(subsets=subsets(train=shards, validation=[]))))

    assert found["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {
                    "split": "train",
                    "path": [
                        "train/0000000-0000.arrow",
                        "train/000002/*.arrow",
                        "train/000004/*.parquet",
                    ],
                }
            ],
        }
    ]
    assert found["dataset_info"]["splits"] == [
        {"name": "train", "num_bytes": 4000, "num_examples": 8}
    ]
    assert found["size_categories"] == ["n<1K"]


def test_a_dataset_without_rows_names_no_files() -> None:
    assert "configs" not in front_matter(card_text(manifest(subsets=subsets(train=[]))))


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"neg": 0, "pos": 1}, {"class_label": {"names": {"0": "neg", "1": "pos"}}}),
        ({"unsup": -1, "pos": 1, "neg": 0}, {"class_label": {"names": {"0": "neg", "1": "pos"}}}),
        ({"---\nlicense: mit": 0}, {"class_label": {"names": {"0": "---\nlicense: mit"}}}),
        ({"one": 1, "two": 2}, "int64"),
        (None, "int64"),
    ],
)
def test_labels_have_their_names_where_the_numbers_are_those_of_a_list(
    numbers: dict[str, int] | None, expected: object
) -> None:
    labels = manifest(task="classification", config={}, label_numbers=numbers)
    text = card_text(labels)
    assert text is not None
    assert sum(line.startswith("---") for line in text.splitlines()) == 2
    features = front_matter(text)["dataset_info"]["features"]
    assert {item["name"]: item.get("dtype") for item in features}["labels"] == expected


def test_a_users_own_lines_stay_and_the_jobs_are_renewed() -> None:
    first = card_text(manifest())
    assert first is not None
    mine = first.replace("---\n#", "---\nlicense: mit\n#", 1) + "\n## Mine\n"
    later: Manifest = manifest(subsets=subsets(train=[at("train/000007/0000000-0000.arrow", 0)]))
    text = card_text(later, mine.replace("\n", "\r\n"))

    assert text is not None
    assert text.endswith("\n## Mine\n")
    assert front_matter(text)["license"] == "mit"
    assert "train/000007/*.arrow" in text
    assert "train/000001/*.arrow" not in text
    assert card_text(later, text) == text


def test_a_card_without_the_jobs_marks_is_not_touched() -> None:
    assert card_text(manifest(), "# My reviews\n") is None
    assert card_text(manifest(), "") is None
