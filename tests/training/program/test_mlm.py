"""Masked language models, from the command line to what is saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    pipeline,
)

from tests.training.datasets import write_mlm
from tests.training.programs import arguments, history, write_config
from training.__main__ import main
from training.config import parse_options
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe
from training.reading.dataset import ShardDataset
from training.run import run


def test_mlm_reports_loss_and_perplexity_before_and_after(mlm_model: dict[str, Any]) -> None:
    metrics = mlm_model["metrics"]

    assert metrics["before"]["loss"] == pytest.approx(np.log(4000), rel=0.02)
    assert metrics["after"]["loss"] < metrics["before"]["loss"] - 0.5
    for when in ("before", "after"):
        loss, perplexity = metrics[when]["loss"], metrics[when]["perplexity"]
        assert perplexity == pytest.approx(np.exp(loss))
    assert json.loads((mlm_model["folder"] / "metrics.json").read_text()) == metrics
    assert list(mlm_model["folder"].rglob("events.out.tfevents.*"))


def test_the_evaluation_is_exact(mlm: Path, mlm_model: dict[str, Any]) -> None:
    # One batch of everything has the mean over tokens that many batches must give.
    from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe

    dataset = ShardDataset(mlm, "validation", columns=MLM_COLUMNS)
    recipe = mask_recipe(dataset, whole_words=True, seed=5)
    batch = MlmCollator(recipe, epoch=0)(dataset[:])
    model = AutoModelForMaskedLM.from_pretrained(mlm_model["folder"]).eval()
    with torch.no_grad():
        loss = float(model(**batch).loss)

    assert len(dataset) % 8
    assert mlm_model["metrics"]["rows"] == len(dataset)
    assert mlm_model["metrics"]["after"]["loss"] == pytest.approx(loss, rel=1e-5)


def test_a_saved_mlm_loads_everywhere(mlm_model: dict[str, Any]) -> None:
    fill = pipeline("fill-mask", model=str(mlm_model["folder"]), device="cpu")
    filled = fill("a great [MASK] .", top_k=3)

    assert len(filled) == 3
    assert len(AutoTokenizer.from_pretrained(mlm_model["folder"])) == 4000


def test_probes_print_the_top_predictions_before_and_after(
    mlm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"from_config": write_config(tmp_path), "max_steps": 1, "max_train_rows": 8}
    line = arguments(mlm, tmp_path / "model", probe="This is a great [MASK].", **options)
    assert main(line) == 0

    lines = capsys.readouterr().out.splitlines()
    for when in ("before", "after"):
        [text] = [line for line in lines if line.startswith(f"{when}: This is a great [MASK]. -> ")]
        assert len(text.split(" -> ")[1].split(", ")) >= 5


@pytest.mark.parametrize("model_type", ["distilbert", "modernbert"])
def test_attention_within_reviews_scores_a_review_as_if_it_stood_alone(
    fitted: Path, tmp_path: Path, model_type: str
) -> None:
    config = write_config(tmp_path, **OTHER_MODELS.get(model_type, {}), model_type=model_type)
    options = {"from_config": config, "attention": "within_reviews", "max_train_rows": 40}
    metrics = run(parse_options(arguments(fitted, tmp_path / "model", **options)))

    # The oracle takes each review out of its block, with the masks of epoch 0.
    rows = ShardDataset(fitted, "validation", columns=[*MLM_COLUMNS, "seq_idx"])
    assert metrics["rows"] == len(rows)
    everything = rows[:]
    seq_idx = everything.pop("seq_idx")
    masked = MlmCollator(mask_recipe(rows, seed=5), epoch=0)(everything)
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in range(len(rows)):
            for number in range(int(seq_idx[row].max()) + 1):
                mine = seq_idx[row] == number
                logits = model(input_ids=masked["input_ids"][row, mine].unsqueeze(0)).logits[0]
                labels = masked["labels"][row, mine]
                total += float(cross_entropy(logits, labels, reduction="sum"))
                count += int(labels.ne(-100).sum())
    assert metrics["after"]["loss"] == pytest.approx(total / count, abs=1e-5)


OTHER_MODELS: dict[str, dict[str, Any]] = {
    "modernbert": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "global_attn_every_n_layers": 2,
        "local_attention": 8,
        **dict.fromkeys(("bos_token_id", "cls_token_id"), 2),
        **dict.fromkeys(("eos_token_id", "sep_token_id"), 3),
    }
}


def test_static_masks_are_trained_on_as_they_are(tmp_path: Path) -> None:
    from tests.training.datasets import RECIPE

    dataset = write_mlm(tmp_path / "static", static=RECIPE, validation_shards=1)
    options = {"from_config": write_config(tmp_path), "max_train_rows": 40}
    metrics = run(parse_options(arguments(dataset, tmp_path / "model", **options)))

    assert metrics["after"]["loss"] < metrics["before"]["loss"]


def test_rows_are_set_apart_where_there_is_no_validation_subset(tmp_path: Path) -> None:
    dataset = write_mlm(tmp_path / "plain")
    options = {"from_config": write_config(tmp_path), "max_train_rows": 24, "max_eval_rows": 10}
    metrics = run(parse_options(arguments(dataset, tmp_path / "model", **options)))

    assert metrics["rows"] == 10
    assert len(history(tmp_path / "model")) == 3
