"""What comes with a folder and holds no reviews is passed over, and nothing else is."""

import json
import tarfile
from pathlib import Path

import pytest

from beam_pipeline.plan.listing import list_inputs
from transforms.functional.errors import InputError, UsageError


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def _saved(folder: Path, *files: str) -> None:
    """Write what `Dataset.save_to_disk` writes, with the cache of a later `map` beside it."""
    _make(folder, *files, "dataset_info.json", "cache-1f2e.arrow")
    state = {"_data_files": [{"filename": name} for name in files], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))


def _found(folder: Path, *patterns: str, **options: bool) -> tuple[list[str], list[str]]:
    listing = list_inputs([str(folder / pattern) for pattern in patterns], **options)
    read, passed = (
        [file.path.replace(str(folder), ".") for file in files]
        for files in (listing.files, listing.passed_over)
    )
    return read, passed


HUB = ["LICENSE", "README.md", "data/plot.PNG", "dataset_infos.json", "imdb.py"]


@pytest.mark.parametrize("pattern", ["", "**/*"])
def test_the_papers_of_a_hub_snapshot_are_passed_over(tmp_path, pattern):
    _make(tmp_path, *HUB, ".gitattributes", "data/test.parquet", "data/train.parquet")
    assert _found(tmp_path, pattern) == (
        ["./data/test.parquet", "./data/train.parquet"],
        [f"./{name}" for name in HUB],
    )


def test_a_file_that_is_named_is_read_whatever_it_is(tmp_path):
    _make(tmp_path, *HUB)
    assert _found(tmp_path, "README.md", "LICENSE") == (["./README.md", "./LICENSE"], [])
    _make(tmp_path, "a.txt")
    assert _found(tmp_path, "README.md", "*")[0] == ["./README.md", "./a.txt"]


@pytest.mark.parametrize("name", ["reviews", "a.feat", "a.dat", "readme.jsonl", "state.json"])
def test_what_may_hold_reviews_is_not_passed_over(tmp_path, name):
    _make(tmp_path, name)
    assert _found(tmp_path, "") == ([f"./{name}"], [])


def test_where_the_format_is_said_papers_are_reviews(tmp_path):
    _make(tmp_path, "a.md", "dataset_infos.json")
    assert _found(tmp_path, "", any_format=True) == (["./a.md"], ["./dataset_infos.json"])


def test_a_folder_of_nothing_else_is_an_error_but_not_for_an_append(tmp_path):
    _make(tmp_path, "README.md")
    with pytest.raises(UsageError, match=r"holds no reviews, only 1 file such as .*README\.md"):
        _found(tmp_path, "")
    assert _found(tmp_path, "", may_be_empty=True) == ([], ["./README.md"])


def test_of_a_saved_dataset_the_files_that_its_state_names_are_read(tmp_path):
    _saved(tmp_path / "d", "data-00000-of-00002.arrow", "data-00001-of-00002.arrow")
    read, passed = _found(tmp_path, "")
    assert read == ["./d/data-00000-of-00002.arrow", "./d/data-00001-of-00002.arrow"]
    assert passed == ["./d/cache-1f2e.arrow", "./d/dataset_info.json", "./d/state.json"]
    assert _found(tmp_path, "d/*") == (read, passed)


def test_a_saved_dataset_in_an_archive_is_read_alike(tmp_path):
    _saved(tmp_path / "d", "data-00000-of-00001.arrow")
    with tarfile.open(tmp_path / "d.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "d", "d")
    read, passed = _found(tmp_path, "d.tar.gz")
    assert read == ["tar://d/data-00000-of-00001.arrow::./d.tar.gz"]
    assert len(passed) == 3


@pytest.mark.parametrize(
    ("state", "said"), [("{}", "names no _data_files"), ("[", "is not JSON"), ("[]", "no JSON obj")]
)
def test_a_saved_dataset_with_a_broken_state_is_an_error(tmp_path, state, said):
    _saved(tmp_path, "data-00000-of-00001.arrow")
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(InputError, match=rf"state\.json: .*{said}"):
        _found(tmp_path, "")


def test_a_saved_dataset_dict_asks_for_one_of_its_subsets(tmp_path):
    for subset in ("train", "test"):
        _saved(tmp_path / subset, "data-00000-of-00001.arrow")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    said = "saved DatasetDict with the subsets train, test: name the one to read, as in --input "
    with pytest.raises(UsageError, match=said + f"{tmp_path}/train"):
        _found(tmp_path, "")
    assert _found(tmp_path, "test")[0] == ["./test/data-00000-of-00001.arrow"]
    read, passed = _found(tmp_path, "", all_subsets=True)
    assert read == [f"./{name}/data-00000-of-00001.arrow" for name in ("test", "train")]
    assert "./dataset_dict.json" in passed
