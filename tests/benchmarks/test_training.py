"""The benchmarks of the training program work, on tiny inputs."""

from pathlib import Path

import pytest
import torch
from transformers import (
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
)

from tests.benchmarks.running import run
from tests.training.datasets import write_classification, write_mlm


@pytest.mark.slow
def test_readers_are_timed_and_memory_and_opening_measured() -> None:
    out = run(
        "reading",
        *("--rows", "300", "--length", "16", "--rounds", "1", "--many_shards", "9"),
        *("--without", "litdata", "datasets", "mosaicml-streaming"),
    )

    assert "| ShardDataset, ElasticSampler, DataLoader |" in out
    assert "| ShardDataset, ElasticSampler, ShardLoader |" in out
    assert "after each of 4 epochs" in out
    assert "A manifest of 9 shards opens in" in out


@pytest.mark.slow
def test_padding_is_counted_and_steps_timed(tmp_path: Path) -> None:
    dataset = write_classification(tmp_path / "dataset")
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=4000, dim=16, hidden_dim=32, n_heads=2, n_layers=1)
    DistilBertForSequenceClassification(config).save_pretrained(tmp_path / "model")

    out = run(
        "padding",
        *("--dataset", str(dataset), "--model", str(tmp_path / "model")),
        *("--batch_size", "8", "--steps", "2"),
    )

    computed = [int(line.split("|")[2].replace(",", "")) for line in out.splitlines()[2:]]
    assert len(computed) == 3
    assert computed[2] < computed[1] <= computed[0]


@pytest.mark.slow
def test_steps_are_timed_by_how_rows_are_made_and_by_what_the_head_sees(tmp_path: Path) -> None:
    fitted = write_mlm(tmp_path / "fitted", best_fit=True)
    padded = write_classification(tmp_path / "padded", padding="max_length")
    config = DistilBertConfig(vocab_size=4000, dim=16, hidden_dim=32, n_heads=2, n_layers=1)
    DistilBertForMaskedLM(config).save_pretrained(tmp_path / "model")

    out = run(
        "training_steps",
        *("--model", str(tmp_path / "model"), "--batch_size", "2", "--steps", "1"),
        *("--datasets", str(fitted), str(padded)),
    )

    for name in (f"{fitted}", f"{fitted}, within reviews", f"{padded}"):
        assert f"| {name} | " in out
    for head in ("all tokens", "predicted tokens"):
        assert f"| {head} | " in out
