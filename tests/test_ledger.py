"""Every review and token in is written, rejected or dropped, as Hugging Face counts them too."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from tests import jobs, oracle
from tests.jobs import run
from tests.oracle import make
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts

MAX_LENGTH = 64
N_REJECTED = 1  # The sample has one line that is not UTF-8.


@pytest.fixture(scope="module")
def lengths() -> list[int]:
    """Return the number of tokens of each review of the sample, as Hugging Face counts them."""
    tokenizer = oracle.auto_tokenizer(jobs.TOKENIZER)
    encoded = tokenizer(oracle.sample_texts(), add_special_tokens=False)["input_ids"]
    return [len(ids) for ids in encoded]


@pytest.mark.parametrize(
    ("remainder", "order", "part_bytes"),
    [("drop", "input", 1 << 25), ("drop", "shuffled", 20_000), ("pad", "input", 20_000)],
)
def test_blocks(
    tmp_path: Path, lengths: list[int], remainder: str, order: str, part_bytes: int
) -> None:
    dataset = make(
        tmp_path / "out",
        *("--task", "mlm", "--max_length", MAX_LENGTH, "--remainder", remainder),
        *("--order", order, "--part_bytes", part_bytes),
    )

    ledger = dataset.manifest.ledger
    written = sum(map(sum, dataset.column("attention_mask")))
    tokenized, special = sum(lengths), 2 * len(lengths)
    assert ledger.tokens == TokenCounts(
        tokenized=tokenized, special=special, written=written, dropped=tokenized + special - written
    )
    n_shards = len(dataset.manifest.subsets["train"])
    assert n_shards == 1 if part_bytes > 20_000 else n_shards > 4
    assert ledger.tokens.dropped < n_shards * MAX_LENGTH
    assert (ledger.tokens.dropped == 0) == (remainder == "pad")
    assert ledger.reviews.read == len(lengths) + N_REJECTED
    assert ledger.reviews.rejected == N_REJECTED
    if remainder == "pad":
        assert ledger.reviews.written == len(lengths)
    ledger.check()


@pytest.mark.parametrize("validation_fraction", [0.0, 0.3])
def test_truncated_reviews(tmp_path: Path, lengths: list[int], validation_fraction: float) -> None:
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", MAX_LENGTH),
        *("--validation_fraction", validation_fraction, "--part_bytes", 20_000),
    )

    room = MAX_LENGTH - 2
    kept = [min(length, room) for length in lengths]
    assert dataset.manifest.ledger == Ledger(
        reviews=ReviewCounts(
            read=len(lengths) + N_REJECTED,
            written=len(lengths),
            rejected=N_REJECTED,
            truncated=sum(length > room for length in lengths),
        ),
        tokens=TokenCounts(
            tokenized=sum(lengths),
            special=2 * len(lengths),
            written=sum(kept) + 2 * len(lengths),
            dropped=sum(lengths) - sum(kept),
        ),
    )
    manifest = dataset.manifest
    assert sum(manifest.rows(subset) for subset in manifest.subsets) == len(lengths)
    assert (
        sum(manifest.tokens(subset) for subset in manifest.subsets)
        == manifest.ledger.tokens.written
    )


def test_windows_repeat_tokens_and_drop_none(tmp_path: Path, lengths: list[int]) -> None:
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", MAX_LENGTH),
        *("--overflow", "windows", "--stride", "20"),
    )

    encoded = oracle.auto_tokenizer(jobs.TOKENIZER)(
        oracle.sample_texts(),
        truncation=True,
        max_length=MAX_LENGTH,
        stride=20,
        return_overflowing_tokens=True,
    )["input_ids"]
    written = sum(map(len, encoded))
    assert dataset.manifest.ledger.tokens == TokenCounts(
        tokenized=sum(lengths),
        special=2 * len(encoded),
        repeated=written - 2 * len(encoded) - sum(lengths),
        written=written,
    )
    assert dataset.manifest.ledger.reviews.written == len(lengths)


def test_the_manifest_agrees_with_its_files(tmp_path: Path) -> None:
    for task, shard_format in product(("mlm", "classification"), ("arrow", "parquet")):
        dataset = make(
            tmp_path / f"{task}-{shard_format}",
            *("--task", task, "--max_length", MAX_LENGTH, "--part_bytes", 20_000),
            *("--format", shard_format, "--validation_fraction", 0.2),
        )

        oracle.check_files(dataset)
        assert len(dataset.manifest.subsets["train"]) > 4


def test_the_summary_says_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make(tmp_path / "out", "--task", "mlm", "--max_length", MAX_LENGTH)

    out = capsys.readouterr().out
    reviews, tokens = dataset.manifest.ledger.reviews, dataset.manifest.ledger.tokens
    assert (f"278 read = {reviews.written} written + 1 rejected + {reviews.dropped} dropped") in out
    assert f"{tokens.written:,} written + {tokens.dropped:,} dropped" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert-base-uncased", "gpt2"])
def test_imdb(tmp_path: Path, name: str) -> None:
    imdb, folder = oracle.imdb_sample(), oracle.shared(f"tokenizers/{name}")
    dataset = make(
        tmp_path / "out",
        *("--task", "mlm", "--part_bytes", 1 << 20),
        reviews=imdb.path,
        tokenizer=folder,
    )

    encoded = oracle.auto_tokenizer(folder)(imdb.texts)["input_ids"]
    special = 2 * len(imdb.texts) if name == "bert-base-uncased" else 0
    ledger = dataset.manifest.ledger
    assert ledger.tokens.special == special
    assert ledger.tokens.tokenized == sum(map(len, encoded)) - special
    assert ledger.tokens.written == 512 * dataset.manifest.rows("train")
    assert ledger.tokens.dropped < 512 * len(dataset.manifest.subsets["train"])
    assert (ledger.reviews.read, ledger.reviews.rejected) == (2000, 0)
    oracle.check_files(dataset)


# --- a job that fails leaves no dataset ---


def failed(
    output: Path, capsys: pytest.CaptureFixture[str], *options: str, **inputs: Path
) -> tuple[int, str]:
    """Run a job that must fail in one line and leave no manifest; return code and line."""
    capsys.readouterr()
    code = run(output, *options, **inputs)
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(error) == 1
    assert not (output / "manifest.json").exists()
    return code, error[0]


MLM = ("--task", "mlm", "--max_length", "64")


def test_too_many_rejected_records_are_written_down_and_exit_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = failed(tmp_path / "out", capsys, *MLM, "--max_rejected_fraction", "0.001")

    assert code == 3
    assert "1 of 278 records were rejected (0.36%)" in error
    lines = [
        json.loads(line)
        for path in (tmp_path / "out" / "rejected").rglob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert len(lines) == 1
    assert lines[0]["file"].endswith("tests/sample/reviews.jsonl")
    assert "UTF-8" in lines[0]["reason"]


def test_a_parquet_file_that_ends_too_early_stops_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = oracle.sample_texts()
    table = pa.table({"text": texts * 4})
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=50)
    data = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[: len(data) // 2])
    code, error = failed(tmp_path / "out", capsys, *MLM, reviews=tmp_path / "*.parquet")

    assert code == 1
    assert "b.parquet" in error


def test_a_parquet_file_that_is_damaged_inside_stops_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "b.parquet"
    pq.write_table(
        pa.table({"text": oracle.sample_texts()}), path, row_group_size=50, compression="zstd"
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(bytes(data))
    code, error = failed(tmp_path / "out", capsys, *MLM, reviews=path)

    assert code == 1
    assert "b.parquet" in error


def test_an_output_that_cannot_be_written_stops_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file where the folder should be", "utf-8")
    code, error = failed(tmp_path / "out", capsys, *MLM)

    assert code == 1
    assert "cannot write" in error
    assert str(tmp_path / "out") in error


def test_a_subset_folder_that_cannot_be_written_stops_the_job_in_its_middle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transforms.storage import writing

    write = writing._write_local

    def full(path: Path, data: bytes, **options: bool) -> bool:
        if path.suffix == ".arrow" and "0001" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, data, **options)

    monkeypatch.setattr(writing, "_write_local", full)
    code, error = failed(tmp_path / "out", capsys, *MLM, "--part_bytes", "20000")

    assert code == 1
    assert "No space left on device" in error


@pytest.mark.parametrize(
    ("flag", "stays"), [("--overwrite", True), ("--overwrite=in_place", False)]
)
def test_a_failed_overwrite_leaves_the_dataset_before_or_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, stays: bool
) -> None:
    make(tmp_path / "out", *MLM)
    before = jobs.files_of(tmp_path / "out")
    options = (*MLM, flag, "--seed", "3", "--max_rejected_fraction", "0")
    assert run(tmp_path / "out", *options) == 3

    after = jobs.files_of(tmp_path / "out")
    assert ("manifest.json" in after) == stays
    if stays:
        assert before.items() <= after.items()


def test_other_options_on_the_same_output_are_refused_and_the_dataset_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "out", *MLM)
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    capsys.readouterr()

    assert run(tmp_path / "out", *MLM, "--seed", "1") == 1
    assert "holds another dataset (--seed 0)" in capsys.readouterr().err
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_a_manifest_of_a_newer_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "out", *MLM)
    path = tmp_path / "out" / "manifest.json"
    path.write_text(
        path.read_text("utf-8").replace('"format_version": 2', '"format_version": 3'), "utf-8"
    )
    capsys.readouterr()

    assert run(tmp_path / "out", *MLM) == 1
    assert "format version 3, newer than the 2" in capsys.readouterr().err
