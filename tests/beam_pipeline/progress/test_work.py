"""How much text there is to read is measured, not guessed."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from beam_pipeline.progress.work import text_per_byte, work_of
from tests.paths import SAMPLE

REVIEWS = [f"Review {number}: " + "a fine film and a long one " * 8 for number in range(4000)]
TEXT_BYTES = sum(map(len, REVIEWS))


def _recipe_and_plan(folder: Path, part_bytes: int) -> tuple[DatasetRecipe, Plan]:
    config = JobConfig(
        input=[str(folder)],
        output=str(folder.parent / "out"),
        tokenizer=str(SAMPLE / "tokenizer"),
        task="mlm",
        part_bytes=part_bytes,
    )
    recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(config.tokenizer))
    return recipe, make_plan(config)


def _parquet(path: Path) -> None:
    # Ids that do not shrink beside text that does: the size of the file says little.
    ids = [f"{hash_:032x}" for hash_ in range(len(REVIEWS))]
    pq.write_table(pa.table({"text": REVIEWS, "id": ids}), path.with_suffix(".parquet"))


def _jsonl_gz(path: Path) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in REVIEWS)
    path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(lines.encode()))


def _wide_csv(path: Path) -> None:
    lines = "".join(f'"{text}",{"x" * 500}\n' for text in REVIEWS)
    path.with_suffix(".csv").write_text("text,other\n" + lines)


@pytest.mark.parametrize("write", [_parquet, _jsonl_gz, _wide_csv])
def test_all_is_done_when_each_copy_of_a_file_has_its_shard(tmp_path: Path, write: object) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for number in range(4):
        write(folder / f"{number:02}")  # type: ignore[operator]
    # Each file fills nine tenths of a part, whatever its size suggests.
    recipe, plan = _recipe_and_plan(folder, int(TEXT_BYTES / 0.9))
    work = work_of(recipe, plan, text_per_byte(recipe.config, plan))
    n_splits = len(plan.splits)
    assert n_splits > 1 or write is not _wide_csv
    text = sum(work.split_parts) * recipe.config.part_bytes
    assert text == pytest.approx(4 * TEXT_BYTES, rel=0.1)
    parts = {split: max(1, round(work.split_parts[split])) for split in range(n_splits)}
    assert work.bytes_done(parts) == pytest.approx(work.bytes, rel=0.1)


def test_what_cannot_be_read_stays_a_guess(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    _parquet(folder / "00")
    recipe, plan = _recipe_and_plan(folder, 1 << 20)
    (folder / "00.parquet").write_bytes(b"gone")
    assert text_per_byte(recipe.config, plan) == {}
    assert work_of(recipe, plan, {}) == work_of(recipe, plan)
