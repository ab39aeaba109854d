"""`--strip_html`, `--normalize`, `--dedup` and `--exclude` in whole jobs."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import oracle
from tests.jobs import run
from transforms.functional.ledger import ReviewCounts
from transforms.functional.reviews.cleaning import strip_html

MLM = ("--task", "mlm", "--max_length", "32", "--remainder", "pad", "--part_bytes", "9000")
CLASSIFY = ("--task", "classification", "--max_length", "32", "--part_bytes", "9000")
ALL = ("--strip_html", "--normalize", "nfc", "--dedup", "exact")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two files: the sample, some of it again, with HTML and decomposed."""
    rows = list(oracle.sample_reviews())
    again = [("<p>" + text.replace("é", "e\u0301") + "</p>", label) for text, label in rows[::3]]
    folder = tmp_path_factory.mktemp("reviews")
    oracle.write_jsonl(folder / "a.jsonl", [(f"\n{text}\n", label) for text, label in rows])
    random.Random(0).shuffle(again)
    oracle.write_jsonl(folder / "b.jsonl", again)
    return folder


@pytest.fixture(scope="module")
def excluded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of every tenth review, and one that is nowhere else."""
    texts = [f"\n{text}\n" for text in oracle.sample_texts()[::10]]
    path = tmp_path_factory.mktemp("excluded") / "test.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*texts, "none"]))
    return path


def shards_of(folder: Path) -> dict[str, bytes]:
    """Return the manifest and all shards of a dataset."""
    paths = [folder / "manifest.json", *sorted(folder.glob("*/*/*.arrow"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def cleaned(*paths: Path) -> tuple[list[str], int]:
    """Return the texts of files after cleaning, and how many held HTML."""
    texts = [json.loads(line)["text"] for path in paths for line in path.read_text().splitlines()]
    plain = strip_html(pa.array(texts, pa.large_string())).to_pylist()
    n_html = sum(before != after for before, after in zip(texts, plain, strict=True))
    return [normalize("NFC", text) for text in plain], n_html


def expected(reviews: Path, excluded: Path | None = None) -> tuple[list[str], ReviewCounts]:
    """Return the texts that stay, and what is counted, by a plain loop."""
    texts, n_html = cleaned(*sorted(reviews.iterdir()))
    banned = set() if excluded is None else set(cleaned(excluded)[0])
    kept = [text for text in dict.fromkeys(texts) if text not in banned]
    n_excluded = sum(text in banned for text in texts)
    return kept, ReviewCounts(
        read=len(texts),
        written=len(kept),
        duplicates=len(texts) - len(kept) - n_excluded,
        excluded=n_excluded,
        html_stripped=n_html,
        normalized=4,
    )


@pytest.mark.parametrize("order", ["input", "shuffled"])
def test_duplicates_are_found_after_cleaning(reviews: Path, tmp_path: Path, order: str) -> None:
    kept, counts = expected(reviews)
    assert counts.duplicates > 90
    made = oracle.make(tmp_path / "out", *CLASSIFY, *ALL, "--order", order, reviews=reviews)
    oracle.write_jsonl(tmp_path / "plain.jsonl", [(text, 0) for text in kept])
    wanted = oracle.make(tmp_path / "wanted", *CLASSIFY, reviews=tmp_path / "plain.jsonl")

    rows, wanted_rows = made.column("input_ids"), wanted.column("input_ids")
    if order == "shuffled":
        assert rows != wanted_rows
        rows, wanted_rows = sorted(rows), sorted(wanted_rows)
    assert rows == wanted_rows
    assert replace(made.manifest.ledger.reviews, truncated=0) == counts


def test_excluded_reviews_go_and_are_counted(
    reviews: Path, excluded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, counts = expected(reviews, excluded)
    assert counts.excluded > 28
    made = oracle.make(tmp_path / "out", *MLM, *ALL, "--exclude", excluded, reviews=reviews)

    assert made.manifest.ledger.reviews == counts
    assert [entry.path for entry in made.manifest.excluded] == [str(excluded)]
    out = capsys.readouterr().out
    assert f"0 dropped + {counts.duplicates} duplicates + {counts.excluded} excluded" in out
    assert f"{counts.html_stripped} reviews held HTML, 4 reviews came in another Unicode" in out


def test_another_exclude_is_another_dataset(
    reviews: Path, excluded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle.make(tmp_path / "out", *MLM, "--exclude", excluded, reviews=reviews)

    oracle.make(tmp_path / "out", *MLM, "--exclude", excluded, reviews=reviews)
    assert "nothing to do" in capsys.readouterr().out
    assert run(tmp_path / "out", *MLM, reviews=reviews) == 1
    assert "holds a dataset with another --exclude" in capsys.readouterr().err
    assert run(tmp_path / "out", *MLM, "--dedup", "exact", reviews=reviews) == 1
    assert "--dedup none" in capsys.readouterr().err


def test_a_rerun_keeps_what_is_finished(
    reviews: Path, excluded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (*MLM, *ALL, "--exclude", excluded, "--validation_fraction", "0.5")
    first = oracle.make(tmp_path / "out", *options, reviews=reviews)
    files = shards_of(first.folder)
    names = [path.name for path in first.folder.glob("*/*/*.arrow")]
    # A part that gave one subset no row has no shard there to be found; it is made again.
    whole = [name for name in names if names.count(name) == 2]
    assert len(whole) > 6
    shutil.rmtree(first.folder / "manifests")
    (first.folder / "manifest.json").unlink()
    (first.folder / "train/000001" / whole[0]).unlink()
    capsys.readouterr()

    oracle.make(tmp_path / "out", *options, reviews=reviews)
    assert f"kept        {len(whole) - 2} shards" in capsys.readouterr().out
    assert shards_of(first.folder) == files


@pytest.mark.slow
@pytest.mark.parametrize("options", [MLM, (*CLASSIFY, "--order", "shuffled")])
def test_worker_processes_make_the_same_files(
    reviews: Path, excluded: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    options = (*options, *ALL, "--exclude", str(excluded), "--validation_fraction", "0.2")
    workers = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2")
    alone = oracle.make(tmp_path / "alone", *options, reviews=reviews)
    together = oracle.make(tmp_path / "together", *options, *workers, reviews=reviews)

    assert len({shard.split for shard in alone.manifest.shards()}) > 2
    assert shards_of(together.folder) == shards_of(alone.folder)


def test_what_is_appended_is_compared_with_what_is_there(reviews: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    texts = {path.name: path.read_bytes() for path in sorted(reviews.iterdir())}
    (folder / "a.jsonl").write_bytes(texts["a.jsonl"])
    oracle.make(tmp_path / "out", *CLASSIFY, *ALL, reviews=folder)
    (folder / "b.jsonl").write_bytes(texts["b.jsonl"])
    appended = oracle.make(tmp_path / "out", *CLASSIFY, *ALL, "--append", reviews=folder)
    once = oracle.make(tmp_path / "once", *CLASSIFY, *ALL, reviews=folder)

    assert appended.manifest.ledger == once.manifest.ledger
    assert appended.column("input_ids") == once.column("input_ids")


@pytest.mark.slow
def test_imdb_has_123_training_reviews_in_its_test_set(tmp_path: Path) -> None:
    train, test = (oracle.shared(f"imdb/{name}.parquet") for name in ("train", "test"))
    options = ("--dedup", "exact", "--exclude", test)
    made = oracle.make(tmp_path / "out", "--task", "classification", *options, reviews=train)

    texts, others = (pq.read_table(path)["text"].to_pylist() for path in (train, test))
    kept = set(texts) - set(others)
    ledger = made.manifest.ledger.reviews
    assert (ledger.read, ledger.written) == (25_000, len(kept))
    assert (ledger.duplicates, ledger.excluded) == (96, 123)
