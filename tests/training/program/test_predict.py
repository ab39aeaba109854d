"""What `python -m training.predict` prints."""

import html
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, pipeline

from tests.training.datasets import sample_reviews, write_classification
from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.inference.predictor import Predictor
from training.loop.metrics import average_windows
from training.predict import main as predict_main
from training.reading.dataset import ShardDataset

Capture = pytest.CaptureFixture[str]


def stdin_of(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_predict_prints_label_and_probability_for_texts_files_and_stdin(
    classifier: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["I love this movie!", "Dull, dull, dull: " + "very " * 100]
    (tmp_path / "texts").write_text("\n".join(texts) + "\n")
    stdin_of(monkeypatch, "\n".join(texts).encode())
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
        [expected] = classify(text, truncation=True, max_length=32)  # The dataset's.
        assert fields[0] == expected["label"]
        assert float(fields[1]) == pytest.approx(expected["score"], abs=1e-4)


def test_predict_fills_masks_and_asks_for_one(mlm_model: dict[str, Any], capsys: Capture) -> None:
    model = ["--model", str(mlm_model["folder"])]
    assert predict_main([*model, "--text", "a great [MASK] .", "--top_k", "2"]) == 0
    fields = capsys.readouterr().out.rstrip("\n").split("\t")
    assert len(fields) == 5

    assert predict_main([*model, "--text", "no mask"]) == 2
    assert "no [MASK] to fill in 'no mask'" in capsys.readouterr().err


def test_predictions_are_those_of_the_evaluation_with_windows_and_cleaning(
    tmp_path: Path, capsys: Capture
) -> None:
    reviews = [review for review in sample_reviews() if review[0] == html.unescape(review[0])]
    dataset = write_classification(
        tmp_path / "windows",
        overflow="windows",
        length=24,
        validation_shards=1,
        reviews=reviews,
        strip_html=True,
    )
    config = {"from_config": write_config(tmp_path), "max_train_rows": 32}
    assert main(arguments(dataset, tmp_path / "model", **config)) == 0
    validation = ShardDataset(
        dataset, "validation", columns=["input_ids", "attention_mask", "labels", "review"]
    )
    texts = [text for text, _ in np.array_split(np.array(reviews, object), 4)[3].tolist()]
    # What the job has stripped is stripped here, too.
    lines = [{"text": f"<p>{html.escape(text)}<br />", "id": 7} for text in texts]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    command = ["--model", str(tmp_path / "model"), "--file", str(tmp_path / "in.jsonl")]
    assert predict_main([*command, "--batch_size", "5", "--top_k", "2"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    batch = validation[:]
    with torch.no_grad():
        rows = model(batch["input_ids"], batch["attention_mask"]).logits.softmax(-1).double()
    averaged, _ = average_windows(rows.numpy(), batch["labels"].numpy(), batch["review"].numpy())
    assert len(found) == len(averaged) < len(validation)
    for line, given, expected in zip(found, lines, averaged.tolist(), strict=True):
        assert (line["text"], line["id"]) == (given["text"], 7)
        scores = {each["label"]: each["score"] for each in line["predictions"]}
        assert [scores["neg"], scores["pos"]] == pytest.approx(expected, abs=2e-6)


def test_every_line_has_a_line_also_without_a_prediction(
    mlm_model: dict[str, Any], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ["--model", str(mlm_model["folder"]), "--top_k", "1"]
    far = "and so on " * 40 + "a great [MASK] ."
    stdin_of(monkeypatch, f"{far}\n\na [MASK] film\n".encode())
    assert predict_main(model) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[2] for line in lines] == [far, "", "a [MASK] film"]
    assert [bool(line[0]) for line in lines] == [True, False, True]

    stdin_of(monkeypatch, b'{"text": 3}\n[\n\n{"text": "a [MASK]", "n": 1}\n{"text": "none"}')
    assert predict_main([*model, "--input_format", "jsonl"]) == 2
    out, errors = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [line.get("error") for line in found] == [
        "no string in the field 'text'",
        "not JSON",
        "no [MASK] to fill in",
        None,
        "no [MASK] to fill in",
    ]
    assert [len(line["predictions"]) for line in found] == [0, 0, 0, 1, 0]
    assert found[3]["n"] == 1
    assert errors.splitlines()[-1] == (
        "error: 3 without a prediction; the first: no string in the field 'text'"
    )


class PanicException(BaseException):  # As the tokenizers library names its own.
    pass


def test_a_text_that_the_tokenizer_gives_up_on_stops_no_other(
    classifier: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = Predictor._encoded

    def give_up(predictor: Predictor, texts: list[str]) -> Any:
        if "slow" in texts:
            raise PanicException("over")
        return encoded(predictor, texts)

    monkeypatch.setattr(Predictor, "_encoded", give_up)
    texts = ("--text", "good", "--text", "slow", "--text", "bad")
    assert predict_main(["--model", str(classifier), *texts]) == 2
    out, errors = capsys.readouterr()
    assert [bool(line.split("\t")[0]) for line in out.splitlines()] == [True, False, True]
    reason = "the tokenizer gives up on it 'slow'"
    assert errors.endswith(f"1 without a prediction; the first: {reason}\n")


def test_an_empty_text_is_labelled_as_the_job_writes_it(classifier: Path, capsys: Capture) -> None:
    assert predict_main(["--model", str(classifier), "--text", "", "--text", "good"]) == 0
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["", "good"]
