"""What a new user does wrong, and the one line that each mistake prints."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import REVIEWS, TOKENIZER

Change = Callable[[Path], dict[str, str | None]]


def _csv_without_header(folder: Path) -> dict[str, str | None]:
    (folder / "in.csv").write_text("A great film.,pos\nAn awful film!,neg\n")
    return {"input": "in.csv"}


def _labels_of_text(folder: Path) -> dict[str, str | None]:
    (folder / "in.txt").write_text("A great film.\n")
    return {"input": "in.txt", "task": "classification"}


def _no_gzip(folder: Path) -> dict[str, str | None]:
    (folder / "in.jsonl.gz").write_text('{"text": "plain"}\n')
    return {"input": "in.jsonl.gz"}


def _cut_gzip(folder: Path) -> dict[str, str | None]:
    whole = gzip.compress(b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(999)))
    (folder / "in.txt.gz").write_bytes(whole[: len(whole) // 2])
    return {"input": "in.txt.gz"}


def _empty_folder(folder: Path) -> dict[str, str | None]:
    (folder / "empty").mkdir()
    return {"input": "empty"}


def _unknown_ending(folder: Path) -> dict[str, str | None]:
    (folder / "reviews.xlsx").write_text("?")
    return {"input": "reviews.xlsx"}


def _slow_tokenizer(folder: Path) -> dict[str, str | None]:
    (folder / "slow").mkdir()
    (folder / "slow" / "vocab.txt").write_text("[UNK]\nfilm\n")
    return {"tokenizer": "slow"}


def _empty_tokenizer(folder: Path) -> dict[str, str | None]:
    (folder / "model").mkdir()
    return {"tokenizer": "model"}


def _broken_tokenizer(folder: Path) -> dict[str, str | None]:
    (folder / "tokenizer.json").write_text("{}")
    return {"tokenizer": "tokenizer.json"}


def _no_permission(folder: Path) -> dict[str, str | None]:
    (folder / "file").write_text("")
    return {"output": "file/out"}


def _other_dataset(folder: Path) -> dict[str, str | None]:
    assert main(_arguments({})) == 0
    return {"max_length": "16"}


def _numbers_as_text(folder: Path) -> dict[str, str | None]:
    (folder / "in.jsonl").write_text('{"text": 5}\n')
    return {"input": "in.jsonl"}


def _latin_1(folder: Path) -> dict[str, str | None]:
    (folder / "in.txt").write_bytes("Un film déjà vu.\n".encode("latin-1") * 9)
    return {"input": "in.txt"}


def _misspelt_key(folder: Path) -> dict[str, str | None]:
    (folder / "job.yaml").write_text("text_colum: review\n")
    return {"config": "job.yaml"}


def _options(**options: str | None) -> Change:
    return lambda folder: options


# What is done wrong, the exit code, and what the line must say: the value and the cure.
MISTAKES: list[tuple[str, Change, int, list[str]]] = [
    ("wrong column", _options(text_column="review"), 2,
     ["reviews.jsonl", "'review'", "text", "--text_column"]),
    ("wrong glob", _options(input="reviews/*.parquet"), 2,
     ["'reviews/*.parquet'", "check the path"]),
    ("no such file", _options(input="review.jsonl"), 2, ["'review.jsonl'", "check the path"]),
    ("hub name without a hub", _options(tokenizer="nobody/no-such-model"), 2,
     ["'nobody/no-such-model'", "check the name", "folder with tokenizer.json"]),
    ("output holds another dataset", _other_dataset, 1,
     ["--max_length 32", "--output", "--overwrite"]),
    ("tokenizer folder is empty", _empty_tokenizer, 2,
     ["model holds no tokenizer", "tokenizer.json", "vocab.txt"]),
    ("slow tokenizer", _slow_tokenizer, 2, ["slow", "tokenizer.json", "tokenizer_class"]),
    ("broken tokenizer", _broken_tokenizer, 2, ["tokenizer.json"]),
    ("misspelt flag", _options(max_lenght="64"), 2,
     ["--max_lenght", "did you mean --max_length?"]),
    ("misspelt key in a file", _misspelt_key, 2,
     ["job.yaml", "'text_colum'", "did you mean text_column?"]),
    ("--task is missing", _options(task=None), 2, ["--task", "--help"]),
    ("unknown task", _options(task="nsp"), 2, ["'nsp'", "mlm", "classification"]),
    ("empty folder", _empty_folder, 2, ["'empty'", "check the path"]),
    ("folder that cannot be written", _no_permission, 1, ["file/out", "cannot write"]),
    ("csv without a header", _csv_without_header, 2, ["in.csv", "'text'", "header"]),
    ("text has no label column", _labels_of_text, 2, ["in.txt", "--label_from_path"]),
    ("label column is missing", _options(task="classification", label_column="stars"), 2,
     ["'stars'", "--label_column"]),
    ("gz that is none", _no_gzip, 1, ["in.jsonl.gz", "gz"]),
    ("gz that was cut off", _cut_gzip, 1, ["in.txt.gz", "cut short"]),
    ("output around the input", _options(output="."), 2, ["lie in --output", "choose another"]),
    ("negative length", _options(max_length="-5"), 2, ["--max_length", "-5"]),
    ("negative part", _options(part_bytes="-1"), 2, ["--part_bytes", "-1"]),
    ("output in memory", _options(output="memory://out"), 2, ["--output", "memory://out"]),
    ("a part of a byte", _options(part_bytes="1"), 2, ["--part_bytes", "at least 1000", "got 1"]),
    ("workers below none", _options(direct_num_workers="-1"), 2,
     ["--direct_num_workers", "at least 0", "-1"]),
    ("number with a word", _options(seed="seven"), 2, ["--seed", "'seven'"]),
    ("option of the other task", _options(padding="longest"), 2,
     ["--padding longest", "--task classification"]),
    ("unknown scheme", _options(input="ftq://host/reviews.csv"), 2,
     ["ftq://host", "docs/storage.md"]),
    ("unknown ending", _unknown_ending, 2, ["reviews.xlsx", "--input_format"]),
    ("numbers where text should be", _numbers_as_text, 3, ["rejected", "--max_rejected_fraction"]),
    ("not UTF-8", _latin_1, 3, ["rejected", "--max_rejected_fraction"]),
    ("unset shell variable", _options(output=""), 2, ["--output is empty", "shell variable"]),
    ("unknown runner", _options(runner="SparkRuner"), 2, ["SparkRuner"]),
]  # fmt: skip


def _arguments(changed: dict[str, str | None]) -> list[str]:
    options = {
        "input": "reviews.jsonl", "output": "out", "tokenizer": str(TOKENIZER), "task": "mlm",
        "max_length": "32",
    }  # fmt: skip
    given = {**options, **changed}
    if "runner" not in given:
        given["direct_running_mode"] = "in_memory"
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


@pytest.mark.parametrize(
    ("change", "exit_code", "parts"),
    [pytest.param(*case[1:], id=case[0].replace(" ", "-")) for case in MISTAKES],
)
def test_a_mistake_is_one_line_with_the_value_and_the_cure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    change: Change,
    exit_code: int,
    parts: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "reviews.jsonl").write_bytes(REVIEWS.read_bytes())
    arguments = _arguments(change(tmp_path))
    capfd.readouterr()
    assert main(arguments) == exit_code
    err = capfd.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert "unexpected" not in err
    assert [part for part in parts if part not in err] == [], err
    assert not (tmp_path / "out" / "manifest.json").exists() or "--overwrite" in err


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("s3://b/f.csv", "s3fs", "s3"),
        ("gs://b/f.csv", "gcsfs", "gcs"),
        ("az://b/f", "adlfs", "azure"),
    ],
)
def test_a_store_without_its_library_says_what_to_install(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    url: str,
    library: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    known = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(known, url.partition(":")[0], raising=False)
    assert main(_arguments({"input": url, "output": str(tmp_path / "out")})) == 2
    assert f"pip install 'review-shards[{extra}]'" in capfd.readouterr().err
