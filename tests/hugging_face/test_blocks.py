"""Blocks are those that Hugging Face's `group_texts` makes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import make_plan
from tests import jobs, oracle
from tests.oracle import make
from transforms.functional.counter_random import VALIDATION, below, review_random
from transforms.reading import read_split


@pytest.mark.parametrize("max_length", [128, 510])
def test_one_part_gives_the_blocks_of_group_texts(
    family: Path, hard_reviews: oracle.Reviews, max_length: int
) -> None:
    rows = oracle.rows_of(hard_reviews.path, family, task="mlm", max_length=max_length)

    tokenizer = oracle.auto_tokenizer(family)
    ids, words = oracle.hugging_face_blocks(hard_reviews.texts, tokenizer, max_length)
    assert len(ids) > 50
    assert rows.column("input_ids") == ids
    assert rows.word_ids() == words
    assert all(map(all, rows.column("attention_mask")))


@pytest.mark.parametrize("remainder", ["drop", "pad"])
@pytest.mark.parametrize("validation_fraction", [0.0, 0.3])
def test_several_parts_give_the_blocks_of_group_texts_on_each(
    tmp_path: Path, remainder: str, validation_fraction: float
) -> None:
    options = ("--remainder", remainder, "--validation_fraction", validation_fraction)
    dataset = make(
        tmp_path / "out", "--task", "mlm", "--max_length", 64, "--part_bytes", 20_000, *options
    )

    tokenizer = oracle.auto_tokenizer(jobs.TOKENIZER)
    parts = parts_of_sample(20_000)
    assert len(parts) > 4
    subsets = ("train", "validation") if validation_fraction else ("train",)
    assert set(dataset.manifest.subsets) == set(subsets)
    for subset in subsets:
        made = dict(dataset.shards(subset))
        n_rows = 0
        for key, reviews in parts.items():
            texts = [
                text
                for text, in_validation in chosen_texts(reviews, validation_fraction)
                if in_validation == (subset == "validation")
            ]
            expected = blocks_of(texts, tokenizer, 64, remainder)
            n_rows += len(expected)
            found = made[key]["input_ids"].to_pylist() if key in made else []
            assert found == expected
        assert dataset.manifest.rows(subset) == n_rows > 20


def parts_of_sample(part_bytes: int) -> dict[tuple[int, int], list[tuple[str, int, int]]]:
    """Return (text, source, record) of each part's reviews."""
    config = JobConfig(
        input=(str(jobs.REVIEWS),),
        output="unused",
        tokenizer="unused",
        task="mlm",
        part_bytes=part_bytes,
    )
    plan = make_plan(config)
    return {
        (part.key.split, part.key.part): [
            (row["text"], row["source"], row["record"]) for row in part.reviews.to_pylist()
        ]
        for split in plan.splits
        for part in read_split(
            split, columns=plan.labels.columns, sample_by="line", part_bytes=part_bytes
        )
    }


def chosen_texts(
    reviews: Sequence[tuple[str, int, int]], validation_fraction: float
) -> list[tuple[str, bool]]:
    """Return each text, and whether it belongs to the validation subset."""
    sources = np.array([source for _, source, _ in reviews], np.uint32)
    records = np.array([record for _, _, record in reviews], np.uint64)
    chosen = below(review_random(0, VALIDATION, sources, records), validation_fraction)
    return [(review[0], bool(c)) for review, c in zip(reviews, chosen, strict=True)]


def blocks_of(
    texts: Sequence[str], tokenizer: Any, max_length: int, remainder: str
) -> list[list[int]]:
    if remainder == "drop":
        return oracle.hugging_face_blocks(texts, tokenizer, max_length)[0]
    stream = list(chain(*tokenizer(list(texts))["input_ids"])) if texts else []
    blocks = [stream[i : i + max_length] for i in range(0, len(stream), max_length)]
    return [block + [tokenizer.pad_token_id] * (max_length - len(block)) for block in blocks]
