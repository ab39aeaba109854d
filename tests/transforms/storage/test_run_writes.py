"""A run creates its files, and replaces only what a run that is no more has left."""

from pathlib import Path

import pytest

from transforms.functional.errors import OutputError
from transforms.storage.lease import LEASE_NAME, lease
from transforms.storage.run_writes import create_in_run


def same(data: bytes) -> bytes | None:
    return data if data == b"good" else None


def test_a_file_that_may_be_kept_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"good")

    with lease(str(tmp_path)) as held:
        assert create_in_run(str(path), b"mine", held, same) == b"good"
        assert path.read_bytes() == b"good"
        path.write_bytes(b"stale")
        assert create_in_run(str(path), b"mine", held, same) is None
        assert path.read_bytes() == b"mine"
        assert create_in_run(str(path), b"mine", held, same) is None


def test_a_run_that_lost_its_lease_writes_and_removes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"committed by another run")

    with lease(str(tmp_path)) as held:
        (tmp_path / LEASE_NAME).write_text('{"token": "another"}')
        for target in (path, tmp_path / "new"):
            with pytest.raises(OutputError, match="was taken over"):
                create_in_run(str(target), b"mine", held, same)
    assert path.read_bytes() == b"committed by another run"
    assert not (tmp_path / "new").exists()
