"""The program on one process, from the command line to what it saves."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    pipeline,
)

from tests.training.datasets import write_classification, write_mlm
from tests.training.programs import arguments, history, write_config
from training.__main__ import main
from training.config import parse_options
from training.loop.checkpoints import is_whole
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe
from training.predict import main as predict_main
from training.reading.dataset import ShardDataset
from training.run import run
from transforms.functional.errors import DatasetError


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mlm_model(mlm: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model trained on masks, and what was reported."""
    folder = tmp_path_factory.mktemp("mlm_model")
    options = {
        "from_config": write_config(folder),
        "per_device_train_batch_size": 8,
        "whole_word_masking": True,
        "report_to": "tensorboard",
    }
    metrics = run(parse_options(arguments(mlm, folder / "model", **options)))
    return {"folder": folder / "model", "metrics": metrics}


@pytest.fixture(scope="module")
def classifier(ragged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier trained on ragged rows."""
    folder = tmp_path_factory.mktemp("classifier")
    options = {
        "from_config": write_config(folder),
        "per_device_train_batch_size": 8,
        "train_sampling_strategy": "group_by_length",
        "num_train_epochs": 2,
    }
    assert main(arguments(ragged, folder / "model", **options)) == 0
    return folder / "model"


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
    masked = MlmCollator(mask_recipe(rows, seed=5))(everything)
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


def test_a_classifier_reports_accuracy_f1_and_confusion(classifier: Path, ragged: Path) -> None:
    metrics = json.loads((classifier / "metrics.json").read_text())
    dataset = ShardDataset(ragged, "validation")
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    with torch.no_grad():
        batch = dataset[:]
        labels = batch.pop("labels").tolist()
        predicted = model(**batch).logits.argmax(dim=1).tolist()

    assert metrics["rows"] == len(labels) > 20
    assert metrics["after"]["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["after"]["f1"] == pytest.approx(f1_score(labels, predicted))
    assert metrics["confusion"] == confusion_matrix(labels, predicted, labels=[0, 1]).tolist()


def test_a_saved_classifier_loads_everywhere_with_its_label_names(classifier: Path) -> None:
    classify = pipeline("text-classification", model=str(classifier), device="cpu")
    model = AutoModelForSequenceClassification.from_pretrained(classifier)

    assert classify("I love this movie!")[0]["label"] in ("neg", "pos")
    assert model.config.id2label == {0: "neg", 1: "pos"}


def test_predict_prints_label_and_probability_for_texts_files_and_stdin(
    classifier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["I love this movie!", "Dull, dull, dull: " + "very " * 100]
    (tmp_path / "texts").write_text("\n".join(texts) + "\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(texts) + "\n"))
    model = ["--model", str(classifier)]

    outputs = []
    for source in (
        ["--text", texts[0], "--text", texts[1]],
        ["--file", str(tmp_path / "texts")],
        [],
    ):
        assert predict_main([*model, *source]) == 0
        outputs.append([line.split("\t") for line in capsys.readouterr().out.splitlines()])

    assert outputs[0] == outputs[1] == outputs[2]
    assert [fields[2] for fields in outputs[0]] == texts
    classify = pipeline("text-classification", model=str(classifier), device="cpu")
    for fields, text in zip(outputs[0], texts, strict=True):
        [expected] = classify(text, truncation=True, max_length=64)
        assert fields[0] == expected["label"]
        assert float(fields[1]) == pytest.approx(expected["score"], abs=1e-4)


def test_predict_fills_masks_and_asks_for_one(
    mlm_model: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(mlm_model["folder"])]
    assert predict_main([*model, "--text", "a great [MASK] .", "--top_k", "2"]) == 0
    fields = capsys.readouterr().out.rstrip("\n").split("\t")
    assert len(fields) == 5

    assert predict_main([*model, "--text", "no mask"]) == 2
    assert "no [MASK] to fill in 'no mask'" in capsys.readouterr().err


def test_frozen_weights_stay_bit_equal_and_others_move(
    ragged: Path, classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = arguments(ragged, tmp_path / "model", model_name_or_path=classifier, max_steps=3)
    assert main([*line, "--freeze_base", "--unfreeze", r"layer\.1\."]) == 0

    before, after = (
        AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
        for folder in (classifier, tmp_path / "model")
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    trained = {name for name in before if not name.startswith("distilbert") or "layer.1." in name}
    assert moved == trained
    assert len(moved) > 10
    n_trained = sum(before[name].numel() for name in trained)
    n_all = sum(values.numel() for values in before.values())
    assert f"parameters: {n_trained:,} of {n_all:,} are trained" in capsys.readouterr().out


def test_windows_of_a_review_are_averaged_before_scoring(tmp_path: Path) -> None:
    dataset = write_classification(
        tmp_path / "windows", overflow="windows", length=24, validation_shards=1
    )
    options = {"from_config": write_config(tmp_path), "max_train_rows": 32}
    metrics = run(parse_options(arguments(dataset, tmp_path / "model", **options)))

    validation = ShardDataset(dataset, "validation", columns=["review"])
    n_reviews = len({tuple(review) for review in validation[:]["review"].tolist()})
    assert metrics["rows"] == n_reviews < len(validation)
    assert np.sum(metrics["confusion"]) == n_reviews


def test_rows_are_set_apart_where_there_is_no_validation_subset(tmp_path: Path) -> None:
    dataset = write_mlm(tmp_path / "plain")
    options = {"from_config": write_config(tmp_path), "max_train_rows": 24, "max_eval_rows": 10}
    metrics = run(parse_options(arguments(dataset, tmp_path / "model", **options)))

    assert metrics["rows"] == 10
    assert len(history(tmp_path / "model")) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3},
        {
            "per_device_train_batch_size": 12,
            "dataloader_num_workers": 2,
            "dataloader_persistent_workers": True,
        },
    ],
    ids=["accumulation", "workers"],
)
def test_how_a_step_is_read_does_not_change_what_is_learned(
    mlm: Path, tmp_path: Path, options: dict[str, int]
) -> None:
    losses = []
    for name, how in (("plain", {"per_device_train_batch_size": 12}), ("other", options)):
        shared = {
            "from_config": write_config(tmp_path),
            "max_train_rows": 70,
            "num_train_epochs": 2,
        }
        assert main(arguments(mlm, tmp_path / name, **shared, **how)) == 0
        losses.append(history(tmp_path / name))

    assert len(losses[0]) == 12
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_bf16_trains_without_a_gpu_too(mlm: Path, tmp_path: Path) -> None:
    options = {"from_config": write_config(tmp_path), "max_train_rows": 24}
    assert main([*arguments(mlm, tmp_path / "model", **options), "--bf16"]) == 0

    losses = history(tmp_path / "model")
    assert len(losses) == 3
    assert losses[-1] < losses[0]


@dataclass(frozen=True)
class Place:
    """What a command line that must fail may name."""

    mlm: Path
    ragged: Path
    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "model"

    def tiny(self, dataset: Path, *flags: str, **options: Any) -> list[str]:
        """Return a command line with a new small model."""
        config = write_config(self.folder)
        return [*arguments(dataset, self.out, **{"from_config": config, **options}), *flags]

    def numbered(self) -> Path:
        """Write a dataset whose labels are numbers without names."""
        return write_classification(self.folder / "numbered", labels_named=False)

    def short_config(self) -> str:
        """Write the configuration of a model for rows shorter than the datasets'."""
        (self.folder / "short").mkdir()
        return write_config(self.folder / "short", max_position_embeddings=8)


# The command line, the exit code, and what the error says.
BAD_RUNS: dict[str, tuple[Callable[[Place], list[str]], int, str]] = {
    "no model": (
        lambda place: arguments(place.mlm, place.out),
        2,
        "give one of --model_name_or_path and --from_config",
    ),
    "no dataset": (lambda place: ["--output_dir", str(place.out)], 2, "--dataset is missing"),
    "reviews of unknown ends": (
        lambda place: place.tiny(place.mlm, attention="within_reviews"),
        DatasetError.exit_code,
        "make it with --review_starts or --packing best_fit",
    ),
    "reviews in rows of their own": (
        lambda place: place.tiny(place.ragged, attention="within_reviews"),
        2,
        "with classification each row holds one",
    ),
    "unknown option": (lambda place: place.tiny(place.mlm, "--wat", "1"), 2, "--wat"),
    "wrong task": (
        lambda place: place.tiny(place.mlm, task="classification"),
        2,
        "was made for mlm",
    ),
    "no such task": (lambda place: place.tiny(place.mlm, task="qa"), 2, "invalid choice: 'qa'"),
    "no such model": (
        lambda place: arguments(place.mlm, place.out, model_name_or_path=place.out),
        2,
        "cannot load",
    ),
    "no such config": (
        lambda place: place.tiny(place.mlm, from_config=place.out / "none"),
        2,
        "no such folder or file",
    ),
    "not a dataset": (lambda place: place.tiny(place.folder), 1, "no finished dataset"),
    "too many rows": (
        lambda place: place.tiny(place.mlm, max_train_rows=10**6),
        1,
        "fewer than",
    ),
    "no such pattern": (
        lambda place: place.tiny(place.ragged, "--freeze_base", "--unfreeze", "pooler"),
        2,
        "--unfreeze 'pooler' finds no parameter",
    ),
    "no pattern": (
        lambda place: place.tiny(place.ragged, "--freeze_base", "--unfreeze", "("),
        2,
        "no regular expression",
    ),
    "nothing to unfreeze": (
        lambda place: place.tiny(place.ragged, "--unfreeze", "x"),
        2,
        "--unfreeze goes with --freeze_base",
    ),
    "nothing to go on from": (
        lambda place: place.tiny(place.mlm, resume_from_checkpoint=place.folder),
        2,
        "no whole checkpoint",
    ),
    "weights": (
        lambda place: place.tiny(place.mlm, weights=[1, 2]),
        2,
        "--weights needs a number",
    ),
    "too few classes": (
        lambda place: place.tiny(place.numbered(), num_labels=1),
        2,
        "--num_labels 1: a row has the label 1, so give at least 2",
    ),
    "short model": (
        lambda place: place.tiny(place.mlm, from_config=place.short_config()),
        1,
        "the model reads 8 tokens at once",
    ),
}


@pytest.mark.parametrize(("line", "code", "message"), BAD_RUNS.values(), ids=BAD_RUNS)
def test_bad_input_is_one_line_and_an_exit_code(
    mlm: Path,
    ragged: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: Callable[[Place], list[str]],
    code: int,
    message: str,
) -> None:
    assert main(line(Place(mlm, ragged, tmp_path))) == code
    [error] = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error")]
    assert message in error


def test_another_tokenizer_than_the_models_is_refused(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_classification(tmp_path / "dataset")
    file = classifier / "tokenizer.json"
    (tmp_path / "other").mkdir()
    for each in classifier.iterdir():
        if each.is_file():
            (tmp_path / "other" / each.name).write_bytes(each.read_bytes())
    text = file.read_text(encoding="utf-8")
    assert '"movie"' in text
    (tmp_path / "other/tokenizer.json").write_text(text.replace('"movie"', '"m0vie"'))

    line = arguments(dataset, tmp_path / "model", model_name_or_path=tmp_path / "other")
    assert main(line) == 1
    assert "made with another tokenizer" in capsys.readouterr().err


def test_a_model_with_fewer_ids_than_the_dataset_is_refused(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_classification(tmp_path / "dataset")
    model = AutoModelForSequenceClassification.from_pretrained(classifier)
    model.resize_token_embeddings(3990)
    model.save_pretrained(tmp_path / "small")
    AutoTokenizer.from_pretrained(classifier).save_pretrained(tmp_path / "small")

    line = arguments(dataset, tmp_path / "model", model_name_or_path=tmp_path / "small")
    assert main(line) == 1
    assert "the model knows 3990 ids" in capsys.readouterr().err


def test_an_old_run_is_not_written_over_nor_gone_on_from_with_other_batches(
    mlm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "from_config": write_config(tmp_path),
        "max_train_rows": 40,
        "save_strategy": "steps",
        "save_steps": 2,
    }
    assert main(arguments(mlm, tmp_path / "model", max_steps=2, **options)) == 0
    assert main(arguments(mlm, tmp_path / "model", **options)) == 2
    assert "has checkpoints of an earlier run" in capsys.readouterr().err

    last = {"resume_from_checkpoint": "last", **options}
    batch = {"per_device_train_batch_size": 5}
    assert main(arguments(mlm, tmp_path / "model", **last, **batch)) == 2
    assert "global_batch 8, this run has 5" in capsys.readouterr().err
    assert main(arguments(mlm, tmp_path / "model", **{**last, "seed": 6})) == 2
    assert "seed 5, this run has 6" in capsys.readouterr().err
    window = {"window_shards": 2}
    assert main(arguments(mlm, tmp_path / "model", **last, **window)) == 2
    assert "--window_shards 32, this run has 2" in capsys.readouterr().err

    # A copy that was broken off is not gone on from.
    (tmp_path / "model/checkpoint-2/optimizer.pt").write_bytes(b"")
    assert not is_whole(tmp_path / "model/checkpoint-2")
