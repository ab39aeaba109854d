"""From options and a tokenizer to what decides a dataset's bytes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from tests import jobs
from transforms.functional.errors import TokenizerError
from transforms.functional.rows.best_fit import BestFitLayout
from transforms.functional.rows.packing import BlockLayout
from transforms.functional.rows.padding import RowLayout

TOKENIZER = load_tokenizer(str(jobs.TOKENIZER))


def recipe(**options: object) -> DatasetRecipe:
    needed = {"input": ("a",), "output": "b", "tokenizer": "c", "task": "mlm"}
    return DatasetRecipe(config=JobConfig(**{**needed, **options}), tokenizer=TOKENIZER)


def test_mlm_packs_blocks() -> None:
    layout = recipe(max_length=100).layout

    assert isinstance(layout, BlockLayout)
    assert (layout.max_length, layout.remainder, layout.pad_id) == (100, "drop", None)
    padded = recipe(remainder="pad").layout
    assert isinstance(padded, BlockLayout)
    assert padded.pad_id == 0
    assert (padded.template.prefix, padded.template.suffix) == ((2,), (3,))


def test_blocks_know_their_reviews_where_that_is_asked_for() -> None:
    asked, plain = recipe(review_starts=True).layout, recipe().layout

    assert isinstance(asked, BlockLayout)
    assert isinstance(plain, BlockLayout)
    assert (asked.review_starts, plain.review_starts) == (True, False)
    fitted = recipe(packing="best_fit").layout
    assert isinstance(fitted, BestFitLayout)
    assert fitted.pad_id == 0


def test_classification_pads_reviews() -> None:
    layout = recipe(task="classification", max_length=90, overflow="windows", stride=9).layout

    assert isinstance(layout, RowLayout)
    assert (layout.max_length, layout.overflow, layout.stride) == (90, "windows", 9)
    assert (layout.padding, layout.pad_id) == ("max_length", 0)
    assert (layout.padding_side, layout.truncation_side) == ("right", "right")


@pytest.mark.parametrize("task", ["mlm", "classification"])
def test_a_row_without_room_for_text_is_refused_before_anything_is_read(task: str) -> None:
    assert recipe(task=task, max_length=3).layout.room == 1
    with pytest.raises(TokenizerError, match=r"--max_length must be at least 3 .*, got 2"):
        recipe(task=task, max_length=2)


def test_static_masks_never_choose_a_special_token_nor_one_of_the_template() -> None:
    assert recipe().masks is None
    masks = recipe(masking="static", mlm_probability=0.3, seed=5).masks

    assert masks is not None
    assert masks.special_ids == (0, 1, 2, 3, 4)
    assert (masks.mask_id, masks.vocab_size) == (4, 4000)
    assert (masks.probability, masks.whole_words, masks.seed) == (0.3, False, 5)


def test_whole_words_are_refused_where_a_review_is_one_word(tmp_path: Path) -> None:
    document = json.loads((jobs.TOKENIZER / "tokenizer.json").read_text("utf-8"))
    document["pre_tokenizer"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    wordless = load_tokenizer(str(tmp_path / "tokenizer.json"))
    config = recipe(masking="static").config
    assert DatasetRecipe(config=config, tokenizer=wordless).masks is not None

    with pytest.raises(TokenizerError, match=r"has no words: .* leave --whole_word_masking out"):
        DatasetRecipe(config=replace(config, whole_word_masking=True), tokenizer=wordless)


@pytest.mark.parametrize(("limit", "warned"), [(None, False), (512, False), (511, True)])
def test_rows_longer_than_the_model_reads_are_warned_of(
    limit: int | None, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    DatasetRecipe(config=recipe().config, tokenizer=replace(TOKENIZER, model_max_length=limit))

    said = "--max_length 512 is more than the model_max_length 511 of the tokenizer"
    assert (said in caplog.text) == warned
    assert bool(caplog.records) == warned


def test_the_fingerprint_covers_what_decides_the_bytes_and_nothing_else() -> None:
    first = recipe().fingerprint

    same = [
        {"input": ("other",)},
        {"output": "other"},
        {"tokenizer": "another/name/of/it"},
        {"overwrite": True},
        {"debug": True},
        {"max_rejected_fraction": 0.5},
    ]
    assert {recipe(**options).fingerprint for options in same} == {first}
    others = [
        {"seed": 1},
        {"max_length": 511},
        {"part_bytes": 1000},
        {"format": "parquet"},
        {"order": "shuffled"},
        {"remainder": "pad"},
        {"packing": "best_fit"},
        {"review_starts": True},
        {"masking": "static"},
        {"validation_fraction": 0.1},
        {"task": "classification"},
    ]
    made = {recipe(**options).fingerprint for options in others}
    assert len(made | {first}) == len(others) + 1
    assert recipe().shard_metadata["review_shards.fingerprint"] == first


@pytest.mark.parametrize(
    ("not_asked", "quiet", "warned"),
    [("T5Tokenizer", False, True), ("T5Tokenizer", True, False), ("", False, False)],
)
def test_a_file_that_a_class_may_rebuild_is_warned_of_where_nobody_could_be_asked(
    not_asked: str, quiet: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = replace(TOKENIZER, not_asked=not_asked)
    replace(recipe(quiet=quiet), tokenizer=tokenizer)
    assert ("transformers is not installed, so tokenizer.json is taken" in caplog.text) is warned
