"""`verify --repair`: the damaged shards come out as they were, and nothing else is touched."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline import verify as verify_module
from beam_pipeline.clean import main as clean
from beam_pipeline.output import repair as repair_module
from beam_pipeline.output.repair import check_named
from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import REVIEWS, TOKENIZER, files_of, run
from transforms.functional.errors import InputError
from transforms.storage.lease import Lease, lease

DAMAGES: list[Callable[[Path], object]] = [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(path.read_bytes()[:100]),
    lambda path: path.write_bytes(path.read_bytes() + b"more"),
]
OPTIONS = [
    ("--validation_fraction", "0.2", "--masking", "static"),
    ("--order", "shuffled"),
    ("--dedup", "exact", "--strip_html", "--packing", "best_fit"),
    ("--task", "classification", "--padding", "longest", "--format", "parquet"),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_damaged_shards_of_all_generations_are_made_again(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    reviews.mkdir()
    lines = REVIEWS.read_bytes().splitlines(keepends=True)
    for number, night in enumerate((lines[:150], lines[150:])):
        (reviews / f"{number}.jsonl").write_bytes(b"".join(night))
        assert run(output, "--append", *options, reviews=reviews) == 0
    before = files_of(output)
    shards = sorted([*output.glob("*/*/*-*.arrow"), *output.glob("train/*/*-*.parquet")])
    assert len(shards) >= 6
    for place, damage in zip((0, len(shards) // 2, -1), DAMAGES, strict=True):
        damage(shards[place])
    capsys.readouterr()

    assert verify([str(output)]) == 1
    assert "3 problems; --repair makes shards again" in capsys.readouterr().out
    assert verify([str(output), "--repair"]) == 0
    assert "all as the manifest says" in capsys.readouterr().out
    assert files_of(output) == before


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "out"
    assert run(output) == 0
    return output


@pytest.fixture
def output(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def test_a_changed_input_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews.jsonl", tmp_path / "out"
    reviews.write_bytes(REVIEWS.read_bytes())
    assert run(output, reviews=reviews) == 0
    (output / "train/000001/0000001-0000.arrow").write_bytes(b"rubbish")
    before = files_of(output)
    reviews.write_bytes(REVIEWS.read_bytes() + b"\n")

    assert verify([str(output), "--repair"]) == 1
    assert f"{reviews} has changed since its shards were made" in capsys.readouterr().err
    assert files_of(output) == before
    reviews.unlink()
    assert verify([str(output), "--repair"]) == 1
    assert f"{reviews} is gone since" in capsys.readouterr().err


def test_a_changed_input_of_an_earlier_generation_counts_where_it_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    reviews.mkdir()
    lines = REVIEWS.read_bytes().splitlines(keepends=True)
    for number, night in enumerate((lines[:50], lines[60:110])):
        (reviews / f"{number}.jsonl").write_bytes(b"".join(night))
        options = ("--dedup", "exact", "--max_rejected_fraction", "0.5")
        assert run(output, "--append", *options, reviews=reviews) == 0
    first = reviews / "0.jsonl"
    first.write_bytes(first.read_bytes().replace(b"film", b"mlif"))
    os.utime(first, (1, 1))
    sorted(output.glob("train/*/*.arrow"))[-1].unlink()

    assert verify([str(output), "--repair"]) == 1
    assert f"{first} has changed since its shards were made" in capsys.readouterr().err


def test_what_can_be_mended_is_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    reviews.mkdir()
    lines = REVIEWS.read_bytes().splitlines(keepends=True)
    for number, night in enumerate((lines[:50], lines[60:90])):
        (reviews / f"{number}.jsonl").write_bytes(b"".join(night))
        options = ("--append", "--max_rejected_fraction", "0.5")
        assert run(output, *options, reviews=reviews) == 0
    shards = sorted(output.glob("train/*/*.arrow"))
    last = shards[-1].read_bytes()
    shards[0].unlink()
    shards[-1].unlink()
    (reviews / "0.jsonl").unlink()

    assert verify([str(output), "--repair"]) == 1
    assert "0.jsonl is gone since its shards were made" in capsys.readouterr().err
    assert shards[-1].read_bytes() == last


def test_a_newer_dataset_is_mended_as_it_stands_and_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(output) == 0
    (output / "train/000001/0000001-0000.arrow").unlink()
    newer: list[dict[str, bytes]] = []

    @contextmanager
    def after_another_run(path: str) -> Iterator[Lease]:
        assert run(output, "--overwrite", "--seed", "3", "--masking", "static") == 0
        newer.append(files_of(output))
        with lease(path) as held:
            yield held

    monkeypatch.setattr(verify_module, "lease", after_another_run)
    assert verify([str(output), "--repair"]) == 0
    assert "Another run has changed the dataset meanwhile" in capsys.readouterr().out
    assert [files_of(output)] == newer


def test_a_repair_writes_nothing_once_another_dataset_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(output) == 0
    shard = output / "train/000001/0000001-0000.arrow"
    shard.write_bytes(b"of a newer dataset")
    manifest = output / "manifest.json"
    read = repair_module.plan_of

    def meanwhile(*arguments: Any) -> Any:
        manifest.write_bytes(manifest.read_bytes() + b"\n")
        return read(*arguments)

    monkeypatch.setattr(repair_module, "plan_of", meanwhile)
    assert verify([str(output), "--repair"]) == 1
    assert "another run has changed the dataset" in capsys.readouterr().err
    assert shard.read_bytes() == b"of a newer dataset"


@pytest.mark.parametrize(
    ("path", "output", "named", "is_asked"),
    [
        ("/data/a.jsonl", "/shards", [], True),
        ("s3://bucket/a.jsonl", "s3://bucket/shards", [], True),
        ("tar://a.txt::s3://bucket/a.tar", "s3://bucket/shards", [], True),
        ("s3://other/a.jsonl", "s3://bucket/shards", [], False),
        ("s3://other/in/a.jsonl", "s3://bucket/shards", ["s3://other/in"], True),
        ("s3://other/in/a.jsonl", "s3://bucket/shards", ["s3://other/in/*.jsonl"], True),
        ("s3://other/index/a.jsonl", "s3://bucket/shards", ["s3://other/in"], False),
        ("https://host/a.jsonl", "/shards", ["https://host"], True),
        ("https://host.evil/a.jsonl", "/shards", ["https://host"], False),
        ("/data/a.jsonl", "s3://bucket/shards", [], False),
        ("/data/a.jsonl", "s3://bucket/shards", ["/data"], True),
        # One URL in another: fsspec would ask both.
        ("simplecache::https://evil/a.jsonl", "/shards", [], False),
        ("s3://bucket/a::https://evil/a.jsonl", "s3://bucket/shards", ["s3://bucket"], False),
        ("tar://a.txt::zip://b.tar::https://evil/c.zip", "/shards", [], False),
    ],
)
def test_only_stores_that_the_user_named_are_asked(
    path: str, output: str, named: list[str], is_asked: bool
) -> None:
    if is_asked:
        check_named([path], output, named)
        return
    with pytest.raises(InputError, match="a store that you did not name: pass --input"):
        check_named([path], output, named)


def test_a_host_that_a_manifest_names_is_not_asked(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = output / "manifest.json"
    document = json.loads(manifest.read_text())
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        document["inputs"][0]["path"] = f"{host}/reviews.jsonl"
        manifest.write_text(json.dumps(document))
        next(output.glob("train/000001/*.arrow")).unlink()

        assert verify([str(output), "--repair"]) == 1
        assert f"names {host}/reviews.jsonl" in capsys.readouterr().err
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("linked", ["train", "train/000001", "plan"])
def test_no_folder_that_is_a_link_is_followed(
    output: Path, tmp_path: Path, linked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere, link = tmp_path / "elsewhere", output / linked
    if link.exists():
        link.rename(elsewhere)
        next(elsewhere.rglob("*.arrow")).unlink()
    else:
        (elsewhere / "0123456789abcdef").mkdir(parents=True)
        (elsewhere / "0123456789abcdef/splits-0123456789abcdef.parquet").write_text("theirs")
        next(output.glob("train/000001/*.arrow")).unlink()
    link.symlink_to(elsewhere)
    for number in ("000001", "000007") if linked == "train" else ():
        (elsewhere / number).mkdir(exist_ok=True)
        (elsewhere / number / "9999999-0000.arrow").write_text("theirs")
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}

    assert clean([str(output)]) == 0
    capsys.readouterr()
    assert verify([str(output), "--repair"]) == 1
    assert f"{link} is a symbolic link, which is not followed" in capsys.readouterr().err
    for flag in ("--overwrite", "--overwrite=in_place"):
        assert run(output, flag) == 1
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


def test_a_damaged_tokenizer_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    assert run(output) == 0
    before = files_of(output)
    (output / "train/000001/0000001-0000.arrow").unlink()
    tokenizer = output / "tokenizer/tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b'"movie"', b'"moovi"'))
    capsys.readouterr()

    assert verify([str(output), "--repair"]) == 1
    assert "is not the tokenizer that made the shards" in capsys.readouterr().err
    tokenizer.write_bytes((TOKENIZER / "tokenizer.json").read_bytes())
    assert verify([str(output), "--repair"]) == 0
    assert files_of(output) == before
