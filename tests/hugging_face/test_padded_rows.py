"""Rows of single reviews are those that the tokenizer pads, truncates and cuts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests import oracle
from tests.oracle import as_int, make


@pytest.mark.parametrize(
    ("max_length", "sides"),
    [(64, {}), (512, {}), (40, {"padding_side": "left", "truncation_side": "left"})],
)
def test_rows_padded_to_max_length_are_the_tokenizers(
    family: Path,
    hard_reviews: oracle.Reviews,
    tmp_path: Path,
    max_length: int,
    sides: dict[str, str],
) -> None:
    tokenizer_folder = with_config(family, tmp_path / "tokenizer", sides)
    rows = oracle.rows_of(
        hard_reviews.path,
        tokenizer_folder,
        task="classification",
        max_length=max_length,
    )

    texts, labels = hard_reviews.texts, hard_reviews.labels
    expected = oracle.auto_tokenizer(tokenizer_folder)(
        texts, padding="max_length", truncation=True, max_length=max_length
    )
    assert rows.column("input_ids") == expected["input_ids"]
    assert as_int(rows.column("attention_mask")) == expected["attention_mask"]
    assert rows.column("labels") == labels
    assert set(labels) == {0, 1, 2}


def test_ragged_rows_are_the_tokenizers_before_and_after_padding_a_batch(
    family: Path, hard_reviews: oracle.Reviews, tmp_path: Path
) -> None:
    rows = oracle.rows_of(
        hard_reviews.path,
        family,
        task="classification",
        max_length=256,
        padding="longest",
    )

    tokenizer = oracle.auto_tokenizer(family)
    texts, labels = hard_reviews.texts, hard_reviews.labels
    ids = rows.column("input_ids")
    assert ids == tokenizer(texts, truncation=True, max_length=256)["input_ids"]
    assert rows.column("labels") == labels
    batch = tokenizer(texts[:8], padding="longest", truncation=True, max_length=256)
    padded = tokenizer.pad({"input_ids": ids[:8]}, padding="longest")
    assert padded["input_ids"] == batch["input_ids"]
    assert padded["attention_mask"] == batch["attention_mask"]


@pytest.mark.parametrize(
    ("max_length", "stride", "sides"),
    [
        (256, 128, {}),
        (64, 0, {}),
        (40, 37, {}),
        (64, 16, {"padding_side": "left", "truncation_side": "left"}),
    ],
)
def test_windows_are_the_overflowing_tokens(
    family: Path,
    hard_reviews: oracle.Reviews,
    tmp_path: Path,
    max_length: int,
    stride: int,
    sides: dict[str, str],
) -> None:
    tokenizer_folder = with_config(family, tmp_path / "tokenizer", sides)
    rows = oracle.rows_of(
        hard_reviews.path,
        tokenizer_folder,
        task="classification",
        max_length=max_length,
        overflow="windows",
        stride=stride,
    )

    texts, labels = hard_reviews.texts, hard_reviews.labels
    expected = oracle.auto_tokenizer(tokenizer_folder)(
        texts,
        padding="max_length",
        truncation=True,
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
    )
    reviews = expected["overflow_to_sample_mapping"]
    assert len(reviews) > len(texts)
    assert rows.column("input_ids") == expected["input_ids"]
    assert as_int(rows.column("attention_mask")) == expected["attention_mask"]
    assert rows.column("labels") == [labels[review] for review in reviews]
    # The rows of one review share its record number, and no other row has it.
    records = rows.column("record")
    numbers = {record: number for number, record in enumerate(dict.fromkeys(records))}
    assert [numbers[record] for record in records] == reviews


def with_config(family: Path, folder: Path, changes: dict[str, object]) -> Path:
    """Return a copy of a tokenizer with another tokenizer_config.json."""
    if not changes:
        return family
    shutil.copytree(family, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
    return folder


def test_logits_of_a_padded_batch_are_those_of_each_review_alone(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    dataset = make(tmp_path / "out", "--task", "classification", "--max_length", 96)
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=4000,
        dim=32,
        hidden_dim=64,
        n_heads=2,
        n_layers=2,
        max_position_embeddings=96,
        initializer_range=0.5,  # Large, so that the logits of different reviews differ.
    )
    model = DistilBertForSequenceClassification(config).eval()
    table = dataset.table().slice(0, 16)
    ids = torch.tensor(table["input_ids"].to_pylist())
    mask = torch.tensor(table["attention_mask"].to_pylist())
    with torch.no_grad():
        batch = model(input_ids=ids, attention_mask=mask).logits
        unmasked = model(input_ids=ids).logits
        alone = [
            model(input_ids=row[real][None]).logits[0] for row, real in zip(ids, mask, strict=True)
        ]

    lengths = mask.sum(1).tolist()
    assert min(lengths) < 50 < 96 == max(lengths)
    torch.testing.assert_close(batch, torch.stack(alone), rtol=1e-4, atol=1e-4)
    # A test that cannot fail proves nothing: without the mask, short reviews get other logits.
    assert (unmasked - batch).abs().max() > 0.1
