"""The tokenizer that training saves gives the ids of the dataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from beam_pipeline.plan.auto_tokenizer import answers
from tests import oracle
from tests.families import FAMILIES, TEXTS
from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.model.tokenizer_check import (
    check_same_tokenizer,
    check_saved_tokenizer,
    dataset_tokenizer,
    write_tokenizer_file,
)
from training.reading.dataset import ShardDataset
from transforms.functional.errors import DatasetError


def make_dataset(published: Path, output: Path) -> ShardDataset:
    made = oracle.make(output, "--task", "mlm", "--max_length", 32, tokenizer=published)
    return ShardDataset(str(made.folder))


def ids_of_file(dataset: ShardDataset) -> list[list[int]]:
    """Return the library's ids on the file that made the shards."""
    file = dataset.location.read(dataset.manifest.tokenizer.path)
    return [each.ids for each in plain(file.decode()).encode_batch(list(TEXTS))]


def plain(text: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture
def as_it_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ShardDataset:
    """A dataset of a tokenizer that cuts digits, where nothing said that its class does not."""
    with monkeypatch.context() as patch:
        patch.setattr(answers, "is_installed", lambda: False)
        published = FAMILIES["bert-digits"].write(tmp_path / "published")
        return make_dataset(published, tmp_path / "as_it_lay")


@pytest.mark.parametrize(
    ("name", "model_type"),
    [("t5", "t5"), ("deberta-v2", "deberta-v2"), ("xlnet", "xlnet"), ("bert-digits", "bert")],
)
def test_what_is_saved_beside_a_model_gives_the_ids_of_the_published_folder(
    tmp_path: Path, name: str, model_type: str
) -> None:
    published = FAMILIES[name].write(tmp_path / "published")
    dataset = make_dataset(published, tmp_path / "dataset")
    check_same_tokenizer(dataset, oracle.auto_tokenizer(published), name)

    saved = tmp_path / "saved"
    dataset_tokenizer(dataset).save_pretrained(saved)
    write_tokenizer_file(saved, dataset)
    (saved / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    check_saved_tokenizer(str(saved), dataset)

    expected = oracle.auto_tokenizer(published)(list(TEXTS))["input_ids"]
    assert oracle.auto_tokenizer(saved)(list(TEXTS))["input_ids"] == expected
    assert ids_of_file(dataset) == expected


def test_a_dataset_of_the_file_as_it_lay_is_refused_with_a_cure_that_helps(
    as_it_lay: ShardDataset, tmp_path: Path
) -> None:
    published = tmp_path / "published"
    model = oracle.auto_tokenizer(published)
    with pytest.raises(
        DatasetError, match=r"a tokenizer\.json as it lay, .* where transformers .* is installed"
    ) as raised:
        check_same_tokenizer(as_it_lay, model, "NAME")
    assert "\n" not in str(raised.value)

    check_same_tokenizer(make_dataset(published, tmp_path / "again"), model, "NAME")


def test_a_model_made_from_a_config_keeps_the_ids_that_it_was_trained_on(
    as_it_lay: ShardDataset, tmp_path: Path
) -> None:
    options = {"from_config": write_config(tmp_path), "max_train_rows": 8}
    assert main(arguments(tmp_path / "as_it_lay", tmp_path / "model", **options)) == 0

    saved = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert saved(list(TEXTS))["input_ids"] == ids_of_file(as_it_lay)
    assert saved.tokenize("1998") != oracle.auto_tokenizer(tmp_path / "published").tokenize("1998")
    assert saved.mask_token == "[MASK]"


def test_a_saved_tokenizer_with_other_ids_is_said(as_it_lay: ShardDataset, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    dataset_tokenizer(as_it_lay).save_pretrained(saved)
    write_tokenizer_file(saved, as_it_lay)
    check_saved_tokenizer(str(saved), as_it_lay)
    config = saved / "tokenizer_config.json"
    changed = {**json.loads(config.read_text("utf-8")), "tokenizer_class": "BertTokenizer"}
    config.write_text(json.dumps(changed), "utf-8")
    with pytest.raises(DatasetError, match=r"AutoTokenizer makes other ids there .* differ on "):
        check_saved_tokenizer(str(saved), as_it_lay)
    # The cure is true.
    loaded = PreTrainedTokenizerFast.from_pretrained(saved)
    assert loaded(list(TEXTS))["input_ids"] == ids_of_file(as_it_lay)


def test_a_type_of_model_with_other_ids_is_refused_before_it_is_trained(
    ragged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "qwen2"}))  # Larger than any test could train.
    assert main(arguments(ragged, tmp_path / "model", from_config=config)) == 1

    error = capsys.readouterr().err
    assert f"--from_config {config}: beside a model of type qwen2 AutoTokenizer makes" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "model").exists()
