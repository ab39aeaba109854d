"""One file has one absolute name, whatever it was called."""

from __future__ import annotations

from pathlib import Path

import pytest

from transforms import storage


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "deep")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["data/x", "./data/x", "data/deep/../x", "data//x", "nowhere/../data/x"]
)
def test_a_path_is_absolute_and_normal(folder: Path, name: str) -> None:
    assert storage.absolute_path(name) == f"{folder}/data/x"
    assert storage.absolute_path(f"{folder}/{name}") == f"{folder}/data/x"


def test_behind_a_link_two_dots_are_another_folder(folder: Path) -> None:
    assert storage.absolute_path("link/../x") == f"{folder}/link/../x"
    assert storage.real_path("link/../x") == f"{folder}/data/x"


def test_a_url_stays_as_it_is() -> None:
    assert storage.absolute_path("s3://bucket/a/../b") == "s3://bucket/a/../b"
