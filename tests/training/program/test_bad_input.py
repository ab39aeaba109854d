"""Bad input is one line and an exit code."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from tests.training.datasets import write_classification
from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.loop.checkpoints import is_whole
from training.loop.trainer import ShardTrainer
from transforms.functional.errors import DatasetError


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
    assert not (tmp_path / "model").exists()


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


def test_an_interrupt_and_a_failure_nobody_foresaw_are_one_line(
    mlm: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(error: BaseException) -> int:
        def step(*_: object) -> None:
            raise error

        monkeypatch.setattr(ShardTrainer, "get_batch_samples", step)
        code = main(Place(mlm, mlm, tmp_path).tiny(mlm, max_train_rows=8))
        lines.append(capsys.readouterr().err.splitlines()[-1])
        return code

    lines: list[str] = []
    assert fail(KeyboardInterrupt()) == 130
    assert fail(RuntimeError("out of\nmemory")) == 1
    assert lines == [
        "interrupted: the same command with --resume_from_checkpoint last goes on",
        "error: RuntimeError: out of memory (REVIEW_SHARDS_DEBUG=1 shows where)",
    ]
    monkeypatch.setenv("REVIEW_SHARDS_DEBUG", "1")
    with pytest.raises(RuntimeError):
        fail(RuntimeError())
