"""What the program's options for models, evaluations and logs do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from tests.training.datasets import write_classification, write_mlm
from tests.training.programs import arguments, history, write_config
from training.__main__ import main
from training.config import parse_options
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe
from training.predict import main as predict_main
from training.reading.dataset import ShardDataset
from training.run import run

Capture = pytest.CaptureFixture[str]


def test_a_run_that_does_not_improve_stops_early(mlm: Path, tmp_path: Path) -> None:
    options = {
        "from_config": write_config(tmp_path),
        "learning_rate": 0.0,
        "max_train_rows": 64,
        "max_eval_rows": 8,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "early_stopping_patience": 2,
    }
    assert main(arguments(mlm, tmp_path / "model", **options)) == 0

    # The first evaluation is the best so far; two more are not better.
    assert len(history(tmp_path / "model")) == 3


def test_each_dataset_of_a_mixture_is_evaluated_apart(tmp_path: Path) -> None:
    first = write_mlm(tmp_path / "first", validation_shards=1, shards=2)
    second = write_mlm(tmp_path / "second", shards=3)
    options: dict[str, Any] = {
        "from_config": write_config(tmp_path),
        "dataset": [first, second],
        "max_steps": 2,
        "max_eval_rows": 6,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "load_best_model_at_end": True,
        "save_strategy": "best",
    }
    model = tmp_path / "model"
    assert main(arguments(first, model, **options)) == 2  # Loss of which?
    options["metric_for_best_model"] = "second_loss"
    metrics = run(parse_options(arguments(first, model, **options)))

    assert list(metrics) == ["first", "second"]
    for name, found in metrics.items():
        assert found["rows"] == 6
        assert set(found["after"]) == {"loss", "perplexity", "accuracy"}
        losses = history(model, f"eval_{name}_loss")
        assert losses[0] == found["before"]["loss"] != losses[1]


def test_logs_say_how_fast_and_how_right(mlm: Path, tmp_path: Path) -> None:
    options = {"from_config": write_config(tmp_path), "max_steps": 2, "max_eval_rows": 8}
    metrics = run(parse_options(arguments(mlm, tmp_path / "model", **options)))

    speeds = history(tmp_path / "model", "tokens_per_second")
    assert len(speeds) == 2
    assert min(speeds) > 0
    assert 0 <= metrics["after"]["accuracy"] <= 1


def test_weights_are_of_the_type_that_was_asked_for(
    ragged: Path, classifier: Path, tmp_path: Path
) -> None:
    half = {"dtype": "bfloat16", "attn_implementation": "eager", "max_steps": 1}
    line = arguments(ragged, tmp_path / "half", model_name_or_path=classifier, **half)
    assert main(line) == 0
    weights = load_file(tmp_path / "half/model.safetensors")
    assert {values.dtype for values in weights.values()} == {torch.bfloat16}

    # Of a model that was saved in half precision 32 bits are trained, unless asked otherwise.
    line = arguments(ragged, tmp_path / "whole", model_name_or_path=tmp_path / "half", max_steps=1)
    assert main(line) == 0
    weights = load_file(tmp_path / "whole/model.safetensors")
    assert {values.dtype for values in weights.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attn_implementation": "wat"}, "cannot load --model_name_or_path"),
        ({"revision": "main"}, "is a folder"),
        ({"lora_r": 2, "lora_target_modules": "wat"}, "--lora_target_modules: "),
        ({"metric_for_best_model": "wat"}, "choose one of loss, accuracy, f1"),
        ({"fsdp": "full_shard"}, "Using fsdp only works in distributed training"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(
    ragged: Path,
    classifier: Path,
    tmp_path: Path,
    capsys: Capture,
    options: dict[str, Any],
    message: str,
) -> None:
    if "lora_r" in options:
        pytest.importorskip("peft", reason="pip install 'review-shards[lora]'")
    line = arguments(ragged, tmp_path / "model", model_name_or_path=classifier, **options)
    assert main(line) in (1, 2)
    errors = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error")]
    assert len(errors) == 1
    assert message in errors[0]


def test_adapters_are_trained_alone_and_merged_at_the_end(
    ragged: Path, classifier: Path, tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip("peft", reason="pip install 'review-shards[lora]'")
    options = {
        "model_name_or_path": classifier,
        "lora_r": 2,
        "max_train_rows": 32,
        "save_strategy": "steps",
        "save_steps": 2,
    }
    model = tmp_path / "model"
    assert main(arguments(ragged, model, **options)) == 0

    before, after = (
        AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
        for folder in (classifier, model)
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    # Linear layers of the encoder by their adapters, the classifier's own as a whole.
    layers = {name for name in before if "layer." in name and "norm" not in name}
    linear = {name for name in layers if name.endswith("weight")}
    assert moved == linear | {name for name in before if "classifier" in name}
    saved = load_file(model / "adapter/adapter_model.safetensors")
    assert sum("lora_A" in name for name in saved) == len(linear)
    assert predict_main(["--model", str(model), "--text", "good"]) == 0

    # A checkpoint of adapters is gone on from.
    unbroken = history(model)
    capsys.readouterr()
    shorter = tmp_path / "again"
    assert main(arguments(ragged, shorter, **{**options, "max_steps": 2})) == 0
    line = arguments(ragged, shorter, **options, resume_from_checkpoint="last")
    assert main(line) == 0
    assert len(unbroken) == 4
    state = json.loads((shorter / "trainer_state.json").read_text())
    assert state["global_step"] == 4


def test_adapters_go_with_masked_language_models(
    mlm: Path, mlm_model: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="pip install 'review-shards[lora]'")
    options = {"model_name_or_path": mlm_model["folder"], "lora_r": 2, "max_train_rows": 40}
    options["learning_rate"] = 0.1
    probe = {"probe": "a great [MASK] ."}
    metrics = run(parse_options(arguments(mlm, tmp_path / "model", **options, **probe)))

    # The merged model is the one that was evaluated.
    dataset = ShardDataset(mlm, "validation", columns=MLM_COLUMNS)
    batch = MlmCollator(mask_recipe(dataset, seed=5), epoch=0)(dataset[:])
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    with torch.no_grad():
        assert metrics["after"]["loss"] == pytest.approx(float(model(**batch).loss), rel=1e-5)
    assert abs(metrics["after"]["loss"] - metrics["before"]["loss"]) > 1e-3


def test_a_classification_mixture_counts_the_labels_of_all(tmp_path: Path) -> None:
    first = write_classification(tmp_path / "a", validation_shards=1)
    second = write_classification(tmp_path / "b", validation_shards=1)
    options = {"from_config": write_config(tmp_path), "dataset": [first, second], "max_steps": 1}
    metrics = run(parse_options(arguments(first, tmp_path / "model", **options)))

    assert [set(found) for found in metrics.values()] == [
        {"before", "after", "reviews", "confusion"}
    ] * 2
