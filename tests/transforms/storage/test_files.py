import os

import pytest

from transforms import storage
from transforms.functional.errors import InputError, OutputError


def test_join_makes_one_path_of_folder_and_names():
    assert storage.join("out/", "train", "a.arrow") == "out/train/a.arrow"
    assert storage.join("s3://bucket/out", "x") == "s3://bucket/out/x"


def test_write_replaces_a_file_whole_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "a.bin"
    storage.write_atomic(str(path), b"one")
    storage.write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.bin"]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write .*a\.bin: No space left on device"):
        storage.write_atomic(str(path), b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a.bin", b"old")]


@pytest.mark.parametrize("name", ["file/a.bin", "file/more/a.bin", "folder"])
def test_an_output_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}/{name}: "):
        storage.write_atomic(str(tmp_path / name), b"")


def test_urls_are_only_other_paths():
    url = "memory://test_storage/out/a.bin"
    storage.write_atomic(url, b"one")
    assert storage.exists(url)
    assert storage.read_bytes(url) == b"one"
    with storage.open_input(url, 3) as stream:
        assert stream.read() == b"one"
    wrong_size = pytest.raises(InputError, match=r"memory://.*: has 3 bytes, but had 4")
    with wrong_size, storage.open_input(url, 4):
        pass
    storage.remove("memory://test_storage/out")
    assert not storage.exists(url)
    with pytest.raises(InputError, match="vanished"), storage.open_input(url):
        pass


def test_local_paths_are_told_from_urls(tmp_path):
    assert storage.is_local(str(tmp_path))
    assert storage.is_local(f"file://{tmp_path}")
    assert storage.is_local("a::b")
    assert not storage.is_local("memory://a")


@pytest.mark.parametrize("name", ["a::b.txt", "a b#?%20.txt", "[a]*.txt", "file:a.txt"])
def test_odd_names_are_names(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with storage.open_input(str(tmp_path / name), 1) as stream:
        assert stream.read() == b"x"
    assert storage.read_bytes(str(tmp_path / name)) == b"x"


def test_remove_takes_folders_and_what_is_not_there(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    storage.remove(str(tmp_path / "a"))
    storage.remove(str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []
