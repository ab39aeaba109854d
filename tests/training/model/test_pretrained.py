"""Loading models: how long their inputs may be, and whose code runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, DistilBertConfig, MPNetConfig, RobertaConfig

from tests.training.programs import arguments
from training.__main__ import main
from training.model.pretrained import longest_input, new_model
from training.predict import main as predict_main

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 40}


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        (BertConfig(**SMALL, intermediate_size=8, max_position_embeddings=20), 20),
        (DistilBertConfig(dim=8, n_layers=1, n_heads=1, max_position_embeddings=20), 20),
        (RobertaConfig(**SMALL, intermediate_size=8, max_position_embeddings=20), 18),
        (RobertaConfig(**SMALL, pad_token_id=0, max_position_embeddings=20), 19),
        (MPNetConfig(**SMALL, intermediate_size=8, max_position_embeddings=20), 18),
    ],
    ids=["bert", "distilbert", "roberta", "roberta, padding 0", "mpnet"],
)
def test_positions_of_robertas_family_begin_behind_the_padding(config: Any, longest: int) -> None:
    assert longest_input(new_model(config, "mlm", "--from_config", "x")) == longest


@pytest.mark.slow
def test_a_roberta_takes_rows_as_long_as_its_positions_and_says_so_when_saved(
    mlm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roberta = {**SMALL, "model_type": "roberta", "intermediate_size": 8}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**roberta, "max_position_embeddings": 32}))
    line = arguments(mlm, tmp_path / "model", from_config=config, max_steps=1)

    # The dataset's padding is 0, so that 31 positions are left for rows of 32 tokens.
    assert main(line) == 1
    assert "the model reads 31 tokens at once" in capsys.readouterr().err

    config.write_text(json.dumps({**roberta, "max_position_embeddings": 33}))
    assert main(line) == 0
    saved = json.loads((tmp_path / "model/tokenizer_config.json").read_text())
    assert saved["model_max_length"] == 32
    long = "a great [MASK] " + "and so on " * 40
    assert predict_main(["--model", str(tmp_path / "model"), "--text", long]) == 0


def test_code_that_comes_with_a_model_is_never_run(
    mlm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "code.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\n")
    code = {"AutoConfig": "code.Config", "AutoModelForMaskedLM": "code.Model"}
    config = {"model_type": "own", "auto_map": code, "architectures": ["OwnForMaskedLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(mlm / "tokenizer/tokenizer.json", folder)
    tokenizer = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["code.T", "code.T"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    out = tmp_path / "out"

    assert predict_main(["--model", str(folder), "--text", "y"]) == 2
    assert main(arguments(mlm, out, from_config=folder)) == 2
    assert main(arguments(mlm, out, model_name_or_path=folder)) == 2

    errors = capsys.readouterr().err.splitlines()
    assert len([line for line in errors if "it needs code that comes with it" in line]) == 3
    assert not (tmp_path / "was_run").exists()


@pytest.mark.slow
def test_damaged_weights_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = DistilBertConfig(dim=8, n_layers=1, n_heads=1, vocab_size=40)
    new_model(config, "mlm", "--from_config", "x").save_pretrained(tmp_path / "model")
    weights = tmp_path / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])

    capsys.readouterr()
    assert predict_main(["--model", str(tmp_path / "model"), "--text", "a [MASK]"]) == 2
    [error] = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: cannot load --model {tmp_path / 'model'} for mlm: ")
