"""Archives are inputs: the files in them are read where they lie; harm is refused by name."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import TOKENIZER
from tests.stores.servers import Store
from transforms import storage

_FILES = {
    f"aclImdb/{split}/{label}/{i}_{i}.txt": f"A {label} film, number {i}. " * 9
    for split in ("train",)
    for label in ("neg", "pos", "unsup")
    for i in range(20)
} | {"aclImdb/README": "no review", "aclImdb/train/urls_pos.txt": "no review"}


def _tar(path: Path, files: dict[str, str] = _FILES, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def _zip(path: Path, files: dict[str, str] = _FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def _job(source: str, output: Path, *more: str, labels: bool = True) -> int:
    task = ("classification", "--label_from_path") if labels else ("mlm",)
    needed = ("--input", source, "--output", str(output), "--tokenizer", str(TOKENIZER))
    options = ("--max_length", "64", "--sample_by", "document", "--direct_running_mode")
    return main([*needed, "--task", *task, *more, *options, "in_memory"])


def _manifest(output: Path) -> dict:
    return json.loads((output / "manifest.json").read_text())


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert _job(str(folder), folder.with_name("unpacked_out")) == 0
    return folder.with_name("unpacked_out")


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: _tar(folder / "aclImdb_v1.tar.gz"),
        lambda folder: _tar(folder / "a.tar.bz2", mode="w:bz2"),
        lambda folder: _tar(folder / "a.tar", mode="w"),
        lambda folder: _zip(folder / "a.zip"),
    ],
)
def test_an_archive_gives_what_its_unpacked_folder_gives(
    tmp_path: Path, unpacked: Path, make: Callable[[Path], Path]
) -> None:
    archive = make(tmp_path)
    # Sorted as a folder is listed, the files come in the same order.
    assert next(iter(_FILES)) == "aclImdb/train/neg/0_0.txt"
    assert _job(str(archive), tmp_path / "out") == 0
    found, expected = _manifest(tmp_path / "out"), _manifest(unpacked)
    assert found["label_numbers"] == {"neg": 0, "pos": 1, "unsup": -1}
    assert found["ledger"] == expected["ledger"]
    assert found["ledger"]["reviews"]["read"] == 60
    kind = "zip" if archive.suffix == ".zip" else "tar"
    assert found["inputs"][0]["path"] == f"{kind}://aclImdb/train/neg/0_0.txt::{archive}"
    assert {path.name for path in tmp_path.iterdir()} == {archive.name, "out"}


def test_a_chained_url_chooses_files_of_an_archive_in_a_store(s3: Store, tmp_path: Path) -> None:
    url = s3.url("archives/aclImdb_v1.tar.gz")
    storage.write_atomic(url, _tar(tmp_path / "a.tar.gz").read_bytes())
    assert _job(f"tar://aclImdb/train/pos::{url}", tmp_path / "folder", labels=False) == 0
    assert _manifest(tmp_path / "folder")["ledger"]["reviews"]["read"] == 20
    glob = f"tar://aclImdb/train/*/1*.txt::{url}"
    assert _job(glob, tmp_path / "glob", labels=False) == 0
    assert len(_manifest(tmp_path / "glob")["inputs"]) == 33


def _with(change: Callable[[tarfile.TarInfo], None]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(_info("in/good.txt", 4), io.BytesIO(b"good"))
            bad = _info("in/bad.txt", 0)
            change(bad)
            archive.addfile(bad, io.BytesIO(b"x" * bad.size))
        return path

    return make


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _set(**values: object) -> Callable[[Path], Path]:
    return _with(lambda info: [setattr(info, *item) for item in values.items()])


def _cut(path: Path) -> Path:
    path.write_bytes(_tar(path).read_bytes()[:-40])
    return path


def _broken_header(path: Path) -> Path:
    _tar(path.with_suffix(".plain"), {"a.txt": "a", "b.txt": "b"}, mode="w")
    data = bytearray(path.with_suffix(".plain").read_bytes())
    data[1024 + 3] ^= 0xFF
    import gzip

    path.with_suffix(".plain").unlink()
    path.write_bytes(gzip.compress(bytes(data)))
    return path


def _bomb(path: Path) -> Path:
    return _tar(path, {"in/zeros.txt": "\0" * (100 << 20)})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_set(name="../evil.txt"), "'../evil.txt' leads out"),
        (_set(name="/etc/evil.txt"), "'/etc/evil.txt' leads out"),
        (_set(name="in/../../evil.txt"), "leads out"),
        (_set(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "'in/bad.txt' is a link to '/etc/pas"),
        (_set(type=tarfile.LNKTYPE, linkname="in/good.txt"), "'in/bad.txt' is a link to"),
        (_set(type=tarfile.CHRTYPE), "'in/bad.txt' is a device"),
        (_set(type=tarfile.FIFOTYPE), "'in/bad.txt' is a device, a pipe"),
        (_set(name="in/good.txt"), "holds 'in/good.txt' twice"),
        (_cut, "damaged or cut short"),
        (_broken_header, "a header is damaged"),
        (_bomb, "decompression bomb"),
    ],
)
def test_an_archive_that_means_harm_is_one_line_that_names_it(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    said: str,
) -> None:
    archive = make(tmp_path / "a.tar.gz")
    assert _job(str(archive), tmp_path / "out", labels=False) == 1
    error = capfd.readouterr().err
    assert error.startswith(f"error: {archive}: ")
    assert error.count("\n") == 1
    assert said in error
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar.gz"}


def test_bad_zip_files_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    link = zipfile.ZipInfo("in/link.txt")
    link.external_attr = 0o120777 << 16
    for member, text, said in (
        ("../evil.txt", "x", "leads out"),
        (link, "/etc/passwd", "'in/link.txt' is a link"),
        ("in/zeros.txt", "\0" * (100 << 20), "decompression bomb"),
    ):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, text)
        assert _job(str(tmp_path / "a.zip"), tmp_path / "out", labels=False) == 1
        assert said in capfd.readouterr().err


def test_a_compressed_file_that_is_a_bomb_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import bz2
    import gzip

    import pyarrow as pa

    zeros = b"\0" * (100 << 20)
    zstd = bytes(pa.compress(zeros, "zstd", asbytes=True))
    for ending, data in (
        (".gz", gzip.compress(zeros, mtime=0)),
        (".bz2", bz2.compress(zeros)),
        (".zst", zstd),
    ):
        bomb = tmp_path / f"bomb.txt{ending}"
        bomb.write_bytes(data)
        assert _job(str(bomb), tmp_path / "out", labels=False) == 1
        error = capfd.readouterr().err
        assert f"{bomb}: unpacks to more than 250 times its size" in error
        assert error.count("\n") == 1
