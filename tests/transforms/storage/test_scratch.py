"""Scratch files of a run: where they lie, and that nothing of them stays."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.paths import ROOT
from transforms.functional.errors import OutputError
from transforms.storage.scratch import read_scratch, scratch_folder, write_scratch


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_each_piece_is_read_from_its_place(parent: Path) -> None:
    with scratch_folder() as folder:
        places = write_scratch(folder, "a", [b"good", b"", b"film"])
        assert places == [("a", 0, 4), ("a", 4, 0), ("a", 4, 4)]
        assert [read_scratch(folder, place) for place in places] == [b"good", b"", b"film"]
        assert Path(folder).parent == parent


def test_a_file_is_replaced_as_a_whole() -> None:
    with scratch_folder() as folder:
        write_scratch(folder, "a", [b"a longer one"])
        (place,) = write_scratch(folder, "a", [b"short"])
        assert read_scratch(folder, place) == b"short"
        assert sorted(path.name for path in Path(folder).iterdir()) == ["a", "lock"]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_folder_goes_whatever_comes_of_the_run(
    parent: Path, error: type[BaseException] | None
) -> None:
    try:
        with scratch_folder() as folder:
            write_scratch(folder, "a", [b"text"])
            if error:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert list(parent.iterdir()) == []


def test_a_worker_that_goes_on_after_the_end_leaves_nothing(parent: Path) -> None:
    with scratch_folder() as folder:
        pass
    with pytest.raises(OutputError, match=r"scratch file .*No such file"):
        write_scratch(folder, "a", [b"text"])
    assert list(parent.iterdir()) == []


def test_what_is_no_more_there_is_said_with_the_cure() -> None:
    with scratch_folder() as folder:
        (place,) = write_scratch(folder, "a", [b"a text"])
        Path(folder, "a").write_bytes(b"a")
        with pytest.raises(OutputError, match="1 bytes instead of 6 at 0: set TMPDIR"):
            read_scratch(folder, place)


def test_what_a_killed_run_left_goes_with_the_next_and_nobody_elses_does(parent: Path) -> None:
    killed = (
        "import os\nfrom transforms.storage.scratch import *\n"
        "with scratch_folder() as folder:\n"
        "    write_scratch(folder, 'a', [b'text'])\n    os._exit(1)"
    )
    environment = {"TMPDIR": str(parent), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", killed], env=environment, check=False)
    (left,) = parent.iterdir()
    foreign = parent / "review-shards-notes"
    foreign.mkdir()

    with scratch_folder() as one:
        assert not left.exists()
        with scratch_folder() as other:
            assert set(parent.iterdir()) == {foreign, Path(one), Path(other)}
    assert list(parent.iterdir()) == [foreign]
