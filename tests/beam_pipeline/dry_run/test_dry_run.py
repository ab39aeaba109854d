"""A dry run writes nothing, and the truth lies in the ranges that it gives."""

import io
import json
import random
import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import REVIEWS, TOKENIZER, run


def _figure(out: str, name: str) -> tuple[float, float, float]:
    """Return a figure of a dry run, and its range; a figure without one is exact."""
    pattern = rf"^  {name} +(?:about )?([\d,.]+)(?: MB| %)?(?: \(([\d,.]+) to ([\d,.]+)\))?"
    found = re.search(pattern, out, re.MULTILINE)
    assert found, out
    value, low, high = (float((text or found[1]).replace(",", "")) for text in found.groups())
    return value, low, high


@pytest.mark.parametrize("task", ["mlm", "classification"])
def test_a_sample_of_everything_gives_the_true_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    output = tmp_path / "out"
    assert run(output, "--task", task, "--dry_run") == 0
    out = capsys.readouterr().out
    assert not output.exists()
    assert "Nothing was written" in out
    assert run(output, "--task", task) == 0
    manifest = json.loads((output / "manifest.json").read_text())
    ledger = manifest["ledger"]
    assert set(_figure(out, "reviews")) == {ledger["reviews"]["read"] - 1}
    made = ledger["tokens"]["written"] + ledger["tokens"]["dropped"]
    assert set(_figure(out, "tokens")) == {made}
    assert _figure(out, "rows")[0] == pytest.approx(manifest["splits"]["train"]["rows"], rel=0.02)
    assert _figure(out, "rejected")[0] == pytest.approx(100 / 278, abs=0.01)
    if task == "classification":
        share = ledger["reviews"]["truncated"] / (ledger["reviews"]["read"] - 1)
        assert f"{100 * share:.2f} % of the reviews" in out


def _many_reviews(folder: Path, kind: str) -> Path:
    """Write 2 MB of reviews, ever longer ones: no single place tells what the rest is like."""
    texts = [json.loads(line)["text"] for line in REVIEWS.read_text("utf-8", "replace").split("\n")
             if line.startswith('{"text"')]  # fmt: skip
    texts = [" ".join(text.split()) for text in texts]
    rng = random.Random(3)
    reviews: list[str] = []
    n_bytes = 0
    while n_bytes < 2_000_000:
        n_texts = 1 + rng.randrange(2 + n_bytes // 250_000)
        reviews.append(" ".join(rng.choices(texts, k=n_texts)))
        n_bytes += len(reviews[-1].encode())
    return _WRITERS[kind](folder, reviews)


def _parquet(folder: Path, reviews: list[str]) -> Path:
    table = pa.table({"text": reviews, "label": [n % 2 for n in range(len(reviews))]})
    pq.write_table(table, folder / "reviews.parquet", row_group_size=300)
    return folder / "reviews.parquet"


def _jsonl(folder: Path, reviews: list[str]) -> Path:
    rows = [{"text": text, "label": number % 2} for number, text in enumerate(reviews)]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "reviews.jsonl"


def _tree(folder: Path, reviews: list[str]) -> Path:
    for number, text in enumerate(reviews):
        path = folder / "tree" / ("neg", "pos")[number % 2] / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "tree"


def _archive(folder: Path, reviews: list[str]) -> Path:
    with tarfile.open(folder / "reviews.tar.gz", "w:gz") as tar:
        for number, text in enumerate(reviews):
            member = tarfile.TarInfo(f"{('neg', 'pos')[number % 2]}/{number:05}.txt")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return folder / "reviews.tar.gz"


_WRITERS = {"parquet": _parquet, "jsonl": _jsonl, "tree": _tree, "archive": _archive}


_SMALL_PARTS = "--part_bytes 20000 --remainder pad --validation_fraction 0.1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "task", "more"),
    [
        *((kind, task, "") for kind in _WRITERS for task in ("mlm", "classification")),
        ("jsonl", "mlm", _SMALL_PARTS),
        ("jsonl", "mlm", "--packing best_fit"),
        ("jsonl", "mlm", "--masking static"),
        ("jsonl", "classification", "--format parquet"),
    ],
)
def test_the_truth_lies_in_the_range(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    task: str,
    more: str,
) -> None:
    monkeypatch.setattr("beam_pipeline.dry_run.sampling.RUN_BYTES", 1 << 12)
    reviews = _many_reviews(tmp_path, kind)
    needed = ["--input", str(reviews), "--output", str(tmp_path / "out"), "--task", task]
    options = [*needed, "--tokenizer", str(TOKENIZER), "--max_length", "128"]
    options += more.split()
    if task == "classification" and kind in ("tree", "archive"):
        options.append("--label_from_path")
    local = ["--direct_running_mode", "in_memory"]
    assert main([*options, "--dry_run", *local]) == 0
    out = capsys.readouterr().out
    assert main([*options, *local]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    ledger, train = manifest["ledger"], manifest["splits"]["train"]
    subsets = manifest["splits"].values()
    truth = {
        "reviews": ledger["reviews"]["read"],
        "tokens": ledger["tokens"]["tokenized"] + ledger["tokens"]["special"],
        "rows": sum(subset["rows"] for subset in subsets),
        "shards": sum(len(subset["shards"]) for subset in subsets),
        "bytes": sum(shard["bytes"] for subset in subsets for shard in subset["shards"]) / 1e6,
    }
    if task == "classification":
        truth["truncated"] = 100 * ledger["reviews"]["truncated"] / ledger["reviews"]["read"]
        truth["padding"] = 100 - 100 * train["tokens"] / train["rows"] / 128
    for name, true in truth.items():
        value, low, high = _figure(out, name)
        assert low <= true <= high, (name, true)
        assert low < value < high or name == "shards", (name, "the sample is not all of it")
        # Made texts repeat: none can tell how they shrink. Parts of 15 reviews end by chance.
        if (name, more) not in (("bytes", "--format parquet"), ("shards", _SMALL_PARTS)):
            assert high - low <= value, (name, "a range that says nothing")
    if kind != "jsonl":  # The number of files, or of rows in an index, tells that of reviews.
        reviews_read = ledger["reviews"]["read"]
        assert _figure(out, "reviews")[0] == pytest.approx(reviews_read, rel=0.002)


def test_a_dry_run_of_a_wrong_job_fails_as_the_job_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "out", "--max_length", "2", "--dry_run") == 2
    assert "--max_length must be at least 3" in capsys.readouterr().err


def test_what_is_there_already_is_said_as_by_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(output) == 0
    for options in ((), ("--append",)):
        assert run(output, "--dry_run", *options) == 0
        assert "Nothing to do" in capsys.readouterr().out
    assert run(output, "--dry_run", "--max_length", "64") != 0
    assert "holds another dataset" in capsys.readouterr().err
    assert run(output, "--dry_run", "--max_length", "64", "--overwrite") == 0
    assert "Would make" in capsys.readouterr().out


def test_only_empty_inputs_are_no_failure(tmp_path: Path) -> None:
    reviews = tmp_path / "empty.txt"
    reviews.write_bytes(b"")
    assert run(tmp_path / "out", "--dry_run", reviews=reviews) == 0


def test_a_large_file_that_was_read_in_part_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beam_pipeline.dry_run.sampling.READ_BYTES", 8 << 20)
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("text\n" + "A fine film and a long one.\n" * 1_000_000)
    assert run(tmp_path / "out", "--dry_run", reviews=reviews) == 0
    out = capsys.readouterr().out
    assert "a part was read of 1 large file that can only be read from the start:" in out
    _, low, high = _figure(out, "reviews")
    assert low <= 1_000_000 <= high


def test_where_all_records_are_rejected_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("text\n" + "A fine film, with no quotes around its comma.\n" * 100)
    assert run(tmp_path / "out", "--dry_run", reviews=reviews) == 0
    assert "the sample holds no review, but 100 bad records" in capsys.readouterr().out
