"""The commands in docs/training.md are commands, and the recipes those that were published."""

import shlex

import pytest

from tests.paths import ROOT
from training.config import Options, parse_options
from training.predict import command_line

PAGE = ROOT / "docs/training.md"


def commands(module: str) -> list[list[str]]:
    """Return the words of the page's commands that run a module, from the first one on."""
    blocks = PAGE.read_text(encoding="utf-8").split("```")[1::2]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    words_of_lines = [shlex.split(line, comments=True) for line in lines]
    return [words for words in words_of_lines if {"-m", module} <= set(words)]


def options_of(words: list[str]) -> Options:
    return parse_options(words[words.index("training") + 1 :])


def processes(words: list[str]) -> int:
    return int(next(word for word in words if word.startswith("--nproc_per_node=")).split("=")[1])


@pytest.fixture(scope="module")
def recipes() -> list[list[str]]:
    found = commands("training")
    assert len(found) >= 2
    return found


def test_every_command_is_understood(recipes: list[list[str]]) -> None:
    for words in recipes:
        assert options_of(words)[0].dataset
    predictions = commands("training.predict")
    assert len(predictions) == 3
    for words in predictions:
        end = words.index(">") if ">" in words else len(words)
        assert command_line().parse_args(words[words.index("training.predict") + 1 : end]).model


def test_the_recipe_for_masked_language_modelling(recipes: list[list[str]]) -> None:
    data, model, training = options_of(recipes[0])

    assert (data.task, model.model_name_or_path) == ("mlm", "distilbert-base-uncased")
    assert (data.max_train_rows, data.max_eval_rows, training.seed) == (10_000, 1_000, 42)
    assert (training.learning_rate, training.weight_decay) == (2e-5, 0.01)
    assert training.num_train_epochs == 3
    strategies = (training.eval_strategy, training.save_strategy, training.logging_strategy)
    assert [str(strategy.value) for strategy in strategies] == ["epoch"] * 3


def test_the_recipe_for_classification_has_batches_of_32(recipes: list[list[str]]) -> None:
    data, model, training = options_of(recipes[1])

    assert (data.task, model.model_name_or_path) == ("classification", "distilbert-base-uncased")
    assert training.per_device_train_batch_size * processes(recipes[1]) == 32
