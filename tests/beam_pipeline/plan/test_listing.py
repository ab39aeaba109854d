"""From --input to files: all of them, each once, in an order that never varies."""

import os
from pathlib import Path

import fsspec
import pytest

from beam_pipeline.plan.input_files import InputFile
from beam_pipeline.plan.listing import class_folders, list_inputs
from transforms.functional.errors import InputError, UsageError


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def _names(folder: Path, *patterns: str) -> list[str]:
    found = list_inputs([f"{folder}/{pattern}" for pattern in patterns]).files
    return [file.path.removeprefix(f"{folder}/") for file in found]


def test_a_folder_gives_all_files_below_it_sorted_by_path(tmp_path):
    _make(tmp_path, "b.txt", "a/z.txt", "a/b/c.txt", "a.txt", "B.txt", "10.txt", "9.txt")
    assert _names(tmp_path, "") == sorted(
        ["10.txt", "9.txt", "B.txt", "a.txt", "a/b/c.txt", "a/z.txt", "b.txt"]
    )


def test_hidden_files_and_folders_are_left_out_unless_named(tmp_path):
    _make(tmp_path, "a.txt", "_SUCCESS", ".a.crc", "_tmp/b.txt", "x/.git/c.txt", "x/_d.txt")
    assert _names(tmp_path, "") == ["a.txt"]
    assert _names(tmp_path, "*") == ["a.txt"]
    assert _names(tmp_path, "_SUCCESS", "_tmp") == ["_SUCCESS", "_tmp/b.txt"]


def test_a_hidden_folder_above_the_input_hides_nothing(tmp_path):
    _make(tmp_path, ".cache/_data/a.txt")
    assert _names(tmp_path, ".cache/_data") == [".cache/_data/a.txt"]
    assert _names(tmp_path, ".cache/_data/*.txt") == [".cache/_data/a.txt"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("[a]*", ["a.jsonl", "a.txt"]),
        ("*/c.txt", ["d/c.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "d/c.txt", "d/e/f.txt"]),
        ("d*", ["d/c.txt", "d/e/f.txt"]),
    ],
)
def test_globs_match_files_and_folders(tmp_path, pattern, names):
    _make(tmp_path, "a.txt", "b.txt", "a.jsonl", "d/c.txt", "d/e/f.txt")
    assert _names(tmp_path, pattern) == names


def test_a_file_with_glob_characters_in_its_name_is_that_file(tmp_path):
    _make(tmp_path, "a[1].txt", "a1.txt", "[x]/b.txt")
    assert _names(tmp_path, "a[1].txt") == ["a[1].txt"]
    assert _names(tmp_path, "[x]") == ["[x]/b.txt"]


def test_inputs_keep_their_order_and_each_file_comes_once(tmp_path):
    _make(tmp_path, "a.txt", "b.txt", "c.txt")
    assert _names(tmp_path, "c.txt", "*.txt", "", "b.txt") == ["c.txt", "a.txt", "b.txt"]


def test_a_file_given_in_two_spellings_comes_once(tmp_path, monkeypatch):
    _make(tmp_path, "d/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "d")
    monkeypatch.chdir(tmp_path)
    spellings = [
        "d/a.txt",
        "./d/a.txt",
        f"{tmp_path}//d/../d/a.txt",
        f"file://{tmp_path}/d",
        "link/*",
    ]
    assert [file.path for file in list_inputs(spellings).files] == [str(tmp_path / "d" / "a.txt")]


def test_paths_are_absolute(tmp_path, monkeypatch):
    _make(tmp_path, "a.txt")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in list_inputs(["a.txt"]).files] == [str(tmp_path / "a.txt")]


def test_size_and_identity_are_the_same_however_a_file_is_found(tmp_path):
    _make(tmp_path, "a.txt", "real/b.txt")
    os.utime(tmp_path / "real" / "b.txt", (1, 1))
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "b.txt")
    alone = list_inputs([f"{tmp_path}/a.txt", f"{tmp_path}/link.txt"]).files
    assert alone == list_inputs([f"{tmp_path}/*.txt"]).files
    assert (alone[1].bytes, alone[1].identity) == (len("real/b.txt"), "mtime:1.0")
    os.utime(tmp_path / "a.txt", (2, 2))
    assert list_inputs([f"{tmp_path}/a.txt"]).files != alone[:1]


def test_urls_are_listed_like_folders():
    memory = fsspec.filesystem("memory")
    memory.pipe({"/listing/b.txt": b"bb", "/listing/a.txt": b"a", "/listing/_x.txt": b""})
    for pattern in ("memory://listing", "memory://listing/*.txt"):
        files = list_inputs([pattern]).files
        assert [(file.path, file.bytes) for file in files] == [
            ("memory:///listing/a.txt", 1),
            ("memory:///listing/b.txt", 2),
        ]
    memory.rm("/listing", recursive=True)


@pytest.mark.parametrize("pattern", ["nothing.txt", "nothing/*", "*.csv", "empty"])
def test_what_matches_nothing_is_an_error_that_names_it(tmp_path, pattern):
    _make(tmp_path, "a.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no input matches .*check the path, or quote the glob"):
        list_inputs([f"{tmp_path}/a.txt", f"{tmp_path}/{pattern}"])


def test_an_unknown_protocol_is_an_error():
    with pytest.raises(UsageError, match="nope://x cannot be opened: Protocol not known"):
        list_inputs(["nope://x"])


@pytest.mark.parametrize("kind", ["folder link", "pipe"])
def test_what_is_no_regular_file_is_an_error_and_never_waited_for(tmp_path, kind):
    _make(tmp_path, "in/a.txt", "other/b.txt")
    if kind == "pipe":
        os.mkfifo(tmp_path / "in" / "x.txt")
    else:
        (tmp_path / "in" / "x.txt").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match=r"x\.txt is a link to a folder, or no regular file"):
        list_inputs([f"{tmp_path}/in"])


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    (tmp_path / "x.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"cannot be listed: .*x\.txt"):
        list_inputs([str(tmp_path)])


def test_a_name_that_no_manifest_can_hold_is_an_error(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    with pytest.raises(UsageError, match=r"the name '.*caf\\udce9\.txt' is not UTF-8"):
        list_inputs([str(tmp_path)])


def _files(*paths: str) -> list[InputFile]:
    return [InputFile(path=path, bytes=1, identity="") for path in paths]


def test_class_folders_are_the_innermost_ones():
    inside = _files("/i/train/neg/1.txt", "/i/train/pos/2.txt", "/i/test/unsup/3.txt")
    outside = _files("/i/README", "/i/train/urls_pos.txt", "/i/test/urls_neg.txt")
    assert class_folders([*outside, *inside]) == (inside, outside)


def test_class_folders_of_a_bucket():
    inside = _files("s3://b/pos/1.txt", "s3://b/neg/1.txt")
    outside = _files("s3://b/README")
    assert class_folders([*inside, *outside]) == (inside, outside)


def test_one_folder_alone_is_a_class_folder():
    assert class_folders(_files("/i/pos/1.txt")) == (_files("/i/pos/1.txt"), [])
