"""An input is read as it was when the job was planned, or the job stops and names it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_pipeline.plan.listing import list_inputs
from tests.stores.servers import Store
from tests.stores.web_server import web_server
from tests.transforms.functional.readers.files import WRITE
from transforms import storage
from transforms.functional.errors import InputError
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import FileFormat
from transforms.functional.reviews.splits import Split
from transforms.labels import label_names_of_split
from transforms.reading import read_split
from transforms.storage.input_files import SMALL_BYTES

_TEXT = ReviewColumns(text="text")
_REVIEWS = [f"a fine film {i}" for i in range(2000)]


def _split(path: str, file_format: FileFormat) -> Split:
    """Return a split of one file, or of a folder's files, as a plan has it."""
    files = tuple(
        FileRange(
            source=i, path=file.path, format=file_format, bytes=file.bytes, version=file.version
        )
        for i, file in enumerate(list_inputs([path]).files)
    )
    return Split(number=0, files=files)


def _read(split: Split, after: Callable[[], object] = lambda: None) -> int:
    """Read a split in small parts, call `after` behind the first, and return how many reviews."""
    parts = read_split(split, columns=_TEXT, sample_by="line", part_bytes=1000)
    n_reviews = next(parts).reviews.num_rows
    after()
    return n_reviews + sum(part.reviews.num_rows for part in parts)


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"\n", 0, -1) + 1])


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"one more\n")


def _overwrite(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[::-1])


def _swap(path: Path) -> None:
    """Put another file of the same size and time there."""
    other, status = path.with_name("other"), path.stat()
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(path)


_CHANGES = [_cut, _grow, _overwrite, _swap]


@pytest.fixture(params=["csv", "jsonl", "text"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, FileFormat]:
    path = tmp_path / f"reviews.{'txt' if request.param == 'text' else request.param}"
    path.write_bytes(WRITE[request.param](_REVIEWS))
    os.utime(path, ns=(1, 1))  # So that the next write has another time, however soon it comes.
    return path, request.param


@pytest.mark.parametrize("change", _CHANGES)
def test_a_local_file_that_changed_before_it_was_read(
    file: tuple[Path, FileFormat], change: Callable[[Path], None]
) -> None:
    path, file_format = file
    split = _split(str(path), file_format)
    assert _read(split) == len(_REVIEWS)
    change(path)
    with pytest.raises(
        InputError, match=rf"^{path}: has .*when the job was planned|^{path}: has changed"
    ):
        _read(split)


@pytest.mark.parametrize("change", _CHANGES)
def test_a_local_file_that_changes_while_it_is_read(
    file: tuple[Path, FileFormat], change: Callable[[Path], None]
) -> None:
    path, file_format = file
    with pytest.raises(InputError, match=rf"^{path}: changed while it was read"):
        _read(_split(str(path), file_format), lambda: change(path))


def test_a_file_that_becomes_unreadable_by_a_change_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(WRITE["parquet"](_REVIEWS))
    stream = storage.open_input(str(path))
    with pytest.raises(InputError, match="changed while it was read"), stream as opened:
        path.write_bytes(b"")
        raise InputError(f"{path}: not readable as parquet: {opened.name}")


def test_the_pass_for_labels_looks_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,pos\n")
    split = _split(str(path), "csv")
    os.utime(path, ns=(5, 5))
    with pytest.raises(InputError, match="has changed since the job was planned"):
        list(label_names_of_split(split, ReviewColumns(text="label")))


def test_a_member_is_of_the_archive_that_was_listed(tmp_path: Path) -> None:
    import zipfile

    def write(text: str) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a.txt", text)

    write("one\n")
    split = _split(str(tmp_path / "a.zip"), "text")
    write("two\n")
    os.utime(tmp_path / "a.zip", ns=(5, 5))
    with pytest.raises(InputError, match=r"a\.zip: has changed since the job was planned"):
        _read(split)


def test_another_machine_may_number_devices_and_inodes_otherwise() -> None:
    assert storage.is_version("local:3:9:1:7", "local:3:9:2:8")
    assert not storage.is_version("local:3:9:1:7", "local:3:9:1:8")
    assert not storage.is_version("local:3:9:1:7", "local:3:8:2:7")


@pytest.fixture(params=["small", "large"])
def objects(request: pytest.FixtureRequest) -> list[bytes]:
    """Small files are fetched in batches, large ones by ranges."""
    n_bytes = 1000 if request.param == "small" else SMALL_BYTES + 9
    return [bytes([letter]) * n_bytes + b"\n" for letter in b"ab"]


def test_an_object_that_changed_before_it_was_read(store: Store, objects: list[bytes]) -> None:
    if store.name == "gcs" and len(objects[0]) < SMALL_BYTES:
        pytest.skip("the emulator gives the newest generation, whichever it is asked for")
    folder = store.url(f"changed{len(objects[0])}")
    for i, data in enumerate(objects):
        storage.write_atomic(f"{folder}/{i}.txt", data)
    split = _split(folder, "text")
    assert _read(split) == 2
    storage.write_atomic(f"{folder}/1.txt", objects[1].upper())
    with pytest.raises(InputError, match=r"1\.txt: has changed since the job was planned"):
        _read(split)


def test_an_object_that_changes_while_it_is_read(store: Store) -> None:
    url = store.url("changing/a.txt")
    storage.write_atomic(url, b"a film\n" * (1 << 20))
    split = _split(url, "text")

    def change() -> None:
        storage.write_atomic(url, b"b film\n" * (1 << 20))

    parts = read_split(split, columns=_TEXT, sample_by="line", part_bytes=1 << 20)
    next(parts)
    change()
    with pytest.raises(InputError, match=r"a\.txt: (has changed since|changed while)"):
        list(parts)


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_web_servers_file_that_changes(ranges: bool, etags: bool) -> None:
    with web_server() as site:
        site.ranges, site.etags = ranges, etags
        url = site.url("a.txt")
        site.files["a.txt"] = b"a film\n" * 1000
        split = _split(url, "text")

        def change() -> None:
            site.files["a.txt"] = b"b film\n" * (1000 if etags else 1001)

        assert _read(split) == 1000
        with pytest.raises(InputError, match="changed while it was read"):
            _read(split, change)
        with pytest.raises(InputError, match=r"has changed since|has 7007 bytes, but had 7000"):
            _read(split)
