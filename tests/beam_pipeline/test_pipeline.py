"""From options and a tokenizer to the transforms of a job."""

from pathlib import Path

import numpy as np
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.pipeline import fingerprint, mask_recipe, row_maker, shard_metadata
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from tests import oracle
from transforms.functional.rows.masking import IGNORED
from transforms.packing import PackBlocks, PadReviews

TOKENIZER = load_tokenizer(str(oracle.SAMPLE_TOKENIZER))


def config(**options: object) -> JobConfig:
    return JobConfig(**{"input": ("a",), "output": "b", "tokenizer": "c", "task": "mlm", **options})


def test_mlm_packs_blocks() -> None:
    maker = row_maker(config(max_length=100), TOKENIZER)

    assert isinstance(maker, PackBlocks)
    assert (maker.max_length, maker.remainder, maker.pad_id) == (100, "drop", None)
    padded = row_maker(config(remainder="pad"), TOKENIZER)
    assert isinstance(padded, PackBlocks)
    assert padded.pad_id == 0
    assert (padded.template.prefix, padded.template.suffix) == ((2,), (3,))


def test_classification_pads_reviews() -> None:
    maker = row_maker(
        config(task="classification", max_length=90, overflow="windows", stride=9), TOKENIZER
    )

    assert isinstance(maker, PadReviews)
    layout = maker.layout
    assert (layout.max_length, layout.overflow, layout.stride) == (90, "windows", 9)
    assert (layout.padding, layout.pad_id) == ("max_length", 0)
    assert (layout.padding_side, layout.truncation_side) == ("right", "right")


def test_static_masks_never_choose_a_special_token_nor_one_of_the_template() -> None:
    assert mask_recipe(config(), TOKENIZER) is None
    recipe = mask_recipe(config(masking="static", mlm_probability=0.3, seed=5), TOKENIZER)

    assert recipe is not None
    assert recipe.special_ids == (0, 1, 2, 3, 4)
    assert (recipe.mask_id, recipe.vocab_size) == (4, 4000)
    assert (recipe.probability, recipe.whole_words, recipe.seed) == (0.3, False, 5)


def test_the_fingerprint_covers_what_decides_the_bytes_and_nothing_else() -> None:
    first = fingerprint(config(), TOKENIZER)

    same = [
        {"input": ("other",)},
        {"output": "other"},
        {"tokenizer": "another/name/of/it"},
        {"overwrite": True},
        {"debug": True},
        {"max_rejected_fraction": 0.5},
    ]
    assert {fingerprint(config(**options), TOKENIZER) for options in same} == {first}
    others = [
        {"seed": 1},
        {"max_length": 511},
        {"part_bytes": 1},
        {"format": "parquet"},
        {"order": "shuffled"},
        {"remainder": "pad"},
        {"masking": "static"},
        {"validation_fraction": 0.1},
        {"task": "classification"},
    ]
    made = {fingerprint(config(**options), TOKENIZER) for options in others}
    assert len(made | {first}) == len(others) + 1
    assert shard_metadata(config(), TOKENIZER)["review_shards.fingerprint"] == first


@pytest.mark.parametrize("whole_words", [False, True])
def test_static_masks_of_a_whole_job(tmp_path: Path, whole_words: bool) -> None:
    options = ("--task", "mlm", "--max_length", 64, "--mlm_probability", 0.15)
    plain = oracle.make(tmp_path / "plain", *options[:4]).table()
    flag = ("--whole_word_masking",) if whole_words else ()
    made = oracle.make(tmp_path / "static", *options, "--masking", "static", *flag)
    table = made.table()

    before = np.array(plain["input_ids"].to_pylist())
    masked = np.array(table["input_ids"].to_pylist())
    labels = np.array(table["labels"].to_pylist())
    chosen = labels != IGNORED
    # Undone by the labels, the masks leave the blocks of a job without masks.
    assert np.array_equal(np.where(chosen, labels, masked), before)
    special = np.isin(before, (0, 1, 2, 3, 4))
    assert not np.any(chosen & special)
    n = int((~special).sum())
    # 4.5 standard deviations; whole words vary more, as their tokens fall together.
    bound = 4.5 * np.sqrt(0.15 * 0.85 / n) * (2 if whole_words else 1)
    assert n > 30_000
    assert abs(chosen.sum() / n - 0.15) < bound < 0.02
    if whole_words:
        for words, row in zip(made.word_ids(table), chosen, strict=True):
            of_word: dict[int, set[bool]] = {}
            for word, one in zip(words, row.tolist(), strict=True):
                of_word.setdefault(word, set()).add(one)
            assert all(len(found) == 1 for found in of_word.values())


def test_static_masks_of_everything(tmp_path: Path) -> None:
    options = ("--task", "mlm", "--max_length", 64, "--masking", "static", "--remainder", "pad")
    dataset = oracle.make(tmp_path / "out", *options, "--mlm_probability", "1.0")

    labels = np.array(dataset.column("labels"))
    ids = np.array(dataset.column("input_ids"))
    real = np.array(dataset.column("attention_mask"))
    assert not np.any((labels != IGNORED) & ~real)
    # What is left unpredicted is special: [CLS], [SEP], [UNK], and one review that says "[MASK]".
    assert set(ids[(labels == IGNORED) & real].tolist()) <= {1, 2, 3, 4}
    assert np.count_nonzero(labels != IGNORED) > 30_000
