"""`--bad_files quarantine`: a file with too many rejected records is left out as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import REVIEWS, files_of, run
from transforms.functional.dataset.shards import read_shard
from transforms.storage.generations import read_manifest

LINES = REVIEWS.read_bytes().splitlines(keepends=True)[:60]
BAD = b"{no json\n" * 5
# With names for labels, so that they are collected, and reviews of the bad file in others, too.
CLASSIFY = ("--task", "classification", "--dedup", "exact", "--order", "shuffled")
# How many buckets a shuffle makes depends on the size of all files.
CLASSIFY += ("--part_bytes", "1000000")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Write three files; the second holds bad records, and reviews that stand in the third."""
    folder = tmp_path / "reviews"
    folder.mkdir()
    for number, lines in enumerate((LINES[:20], LINES[15:40], LINES[30:])):
        named = [
            json.dumps({"text": json.loads(line)["text"], "label": f"class {place % 2}"}) + "\n"
            for place, line in enumerate(lines)
            if json.loads(line).get("text")
        ]
        (folder / f"{number}.jsonl").write_bytes("".join(named).encode())
    with (folder / "1.jsonl").open("ab") as file:
        file.write(BAD + b'{"text": "a film", "label": "a class of its own"}\n')
    return folder


def rows(output: Path) -> list[list[int]]:
    """Return the ids of all rows, in order."""
    entries = read_manifest(str(output)).subsets["train"]
    tables = [read_shard((output / entry.path).read_bytes(), "arrow") for entry in entries]
    return [row for table in tables for row in table["input_ids"].to_pylist()]


@pytest.mark.parametrize("options", [("--task", "mlm"), CLASSIFY], ids=["mlm", "classification"])
def test_the_rest_is_what_it_is_without_the_bad_file(
    tmp_path: Path, reviews: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    made, expected = tmp_path / "made", tmp_path / "expected"
    assert run(made, *options, reviews=reviews) == 3
    assert f"most in {reviews}/1.jsonl: 5" in capsys.readouterr().err
    assert run(made, *options, "--bad_files", "quarantine", reviews=reviews) == 0
    said = capsys.readouterr().out
    assert "left out    1 file" in said
    assert f"{reviews}/1.jsonl: 5 of 31 records rejected" in said
    bad = reviews / "1.jsonl"
    content = bad.read_bytes()
    bad.write_bytes(b"")  # Sources keep their numbers, by which reviews are shuffled.
    assert run(expected, *options, reviews=reviews) == 0

    manifest, without = read_manifest(str(made)), read_manifest(str(expected))
    assert rows(made) == rows(expected)
    assert len(rows(made)) > 20
    assert manifest.ledger == without.ledger
    assert manifest.label_numbers == without.label_numbers
    assert [(file.source, file.records, file.rejected) for file in manifest.quarantined] == [
        (1, 31, 5)
    ]
    assert list(made.glob("rejected/**/*.jsonl")) == []

    # Its shards can be made again, also when the bad file is another one by now.
    before = files_of(made)
    (made / manifest.shard_paths()[0]).unlink()
    assert verify([str(made), "--repair"]) == 0
    assert files_of(made) == before
    assert content != bad.read_bytes()


def test_a_bad_file_is_tried_again_by_the_next_append_once_it_is_mended(
    tmp_path: Path, reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, bad = tmp_path / "out", reviews / "1.jsonl"
    append = ("--append", "--bad_files", "quarantine")
    assert run(output, *append, reviews=reviews) == 0
    first = files_of(output)
    capsys.readouterr()

    assert run(output, *append, reviews=reviews) == 0
    said = capsys.readouterr().out
    assert "Nothing new" in said
    assert f"left out    1 file as before: still the same, and above the limit: {bad}" in said
    assert files_of(output) == first

    bad.write_bytes(bad.read_bytes().replace(BAD, b""))
    assert run(output, *append, reviews=reviews) == 0
    manifest = read_manifest(str(output))
    assert [Path(entry.path).name for entry in manifest.inputs] == [
        *("0.jsonl", "1.jsonl", "2.jsonl"),
        "1.jsonl",
    ]
    assert [file.source for file in manifest.quarantined] == [1]
    counts = manifest.ledger.reviews
    assert counts.read == sum(
        len(path.read_bytes().splitlines()) for path in reviews.glob("*.jsonl")
    )
    assert verify([str(output)]) == 0
    capsys.readouterr()
    assert run(output, *append, reviews=reviews) == 0
    assert "left out" not in capsys.readouterr().out
