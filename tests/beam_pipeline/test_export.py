"""`export`: the rows of a generation in another format, whole or not at all, over nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from beam_pipeline.export import main
from tests import jobs
from tests.oracle import Dataset, sample_texts
from tests.transforms.functional.exports.readers import READERS
from tests.transforms.functional.exports.test_formats import real_tokens, rows_of
from transforms.functional.dataset.manifest import Manifest

OPTIONS = (
    "--task", "mlm", "--max_length", "32", "--part_bytes", "20000", "--validation_fraction", "0.2",
    "--remainder", "pad",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a dataset of two generations."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "in").mkdir()
    for night in range(2):
        lines = [json.dumps({"text": text}) for text in sample_texts()[night::2]]
        (folder / "in" / f"{night}.jsonl").write_text("\n".join(lines), "utf-8")
        assert jobs.run(folder / "out", *OPTIONS, "--append", reviews=folder / "in") == 0
    return Dataset(folder / "out")


def export(made: Dataset, to: Path | str, name: str, *more: object) -> int:
    return main([str(made.folder), "--to", str(to), "--format", name, *map(str, more)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", READERS)
def test_each_subset_holds_its_rows_in_order(
    made: Dataset, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(made, tmp_path / "to", name) == 0
    printed = capsys.readouterr().out
    for subset in ("train", "validation"):
        table = made.table(subset)
        expected = real_tokens(table) if name == "megatron" else rows_of(table)
        assert READERS[name](tmp_path / "to" / subset) == expected
        manifest: Manifest = made.manifest
        assert f"{manifest.rows(subset)} rows, {manifest.tokens(subset):,} tokens, 2 f" in printed
    assert len(real_tokens(made.table("validation"))) > 10


def test_subset_generation_and_columns_are_chosen(made: Dataset, tmp_path: Path) -> None:
    chosen = ("--subset", "train", "--columns", "input_ids,record", "--generation", 1)
    assert export(made, tmp_path, "jsonl", *chosen) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["train"]
    rows = READERS["jsonl"](tmp_path / "train")
    first = [row for row in rows_of(made.table()) if row["source"] == 0]
    assert rows == [{"input_ids": row["input_ids"], "record": row["record"]} for row in first]
    assert 10 < len(rows) < made.manifest.rows("train")


@pytest.mark.parametrize("name", READERS)
def test_the_same_command_goes_on_where_it_ended(made: Dataset, tmp_path: Path, name: str) -> None:
    assert export(made, tmp_path, name) == 0
    whole = files_of(tmp_path)
    index = sorted(tmp_path.rglob("*.idx" if name == "megatron" else "*index.json"))
    assert len(index) == 2
    index[1].unlink()
    (index[1].parent / f".{index[1].name}.1-1.tmp").write_bytes(b"of a killed process")
    assert export(made, tmp_path, name) == 0
    (index[1].parent / f".{index[1].name}.1-1.tmp").unlink()
    assert files_of(tmp_path) == whole


def test_what_is_there_is_never_replaced_or_added_to(
    made: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a" / "train").mkdir(parents=True)
    (tmp_path / "a" / "train" / "thesis.txt").write_text("mine")
    assert export(made, tmp_path / "a", "mds") == 1
    assert "train/thesis.txt is there, no part of it: choose another" in capsys.readouterr().err
    assert list(files_of(tmp_path / "a")) == ["train/thesis.txt"]

    # Another generation, which begins with the same rows.
    assert export(made, tmp_path / "b", "mds", "--generation", 1) == 0
    whole = files_of(tmp_path / "b")
    assert export(made, tmp_path / "b", "mds") == 1
    assert "b/train holds an export of other rows" in capsys.readouterr().err
    assert files_of(tmp_path / "b") == whole

    (tmp_path / "c" / "train").mkdir(parents=True)
    (tmp_path / "c" / "train" / "00000.jsonl").write_text("{}\n")
    assert export(made, tmp_path / "c", "jsonl") == 1
    assert "c/train holds 00000.jsonl with other bytes" in capsys.readouterr().err
    assert files_of(tmp_path / "c") == {"train/00000.jsonl": b"{}\n"}


def test_what_a_format_cannot_hold_is_said_before_anything_is_written(
    made: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jobs.run(tmp_path / "out", "--task", "classification", "--max_length", "8") == 0
    labelled = Dataset(tmp_path / "out")
    for dataset, name, more, said in (
        (labelled, "megatron", (), "megatron holds token ids only, and would lose the labels"),
        (made, "megatron", ("--columns", "input_ids"), "leave --columns out"),
        (made, "mds", ("--columns", "input_ids,text"), "no column 'text': choose of input_ids"),
        (made, "mds", ("--generation", 3), "no generation 3, it has: 1, 2"),
        (labelled, "mds", ("--subset", "validation"), "no rows in subset 'validation', only in"),
    ):
        assert export(dataset, tmp_path / "to", name, *more) in (1, 2)
        assert said in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_a_damaged_shard_leaves_an_export_without_its_index(
    made: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Dataset(Path(shutil.copytree(made.folder, tmp_path / "copy")))
    shard = copy.folder / copy.manifest.subsets["train"][2].path
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    for name in READERS:
        assert export(copy, tmp_path / name, name) == 1
        assert "sha256 is not the one in the manifest" in capsys.readouterr().err
        assert files_of(tmp_path / name) == {}
