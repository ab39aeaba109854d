"""Models, configs and tokenizers of transformers: loaded without running code that comes along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from transforms.functional.errors import UsageError

_AUTO_MODELS: dict[str, Any] = {
    "mlm": AutoModelForMaskedLM,
    "classification": AutoModelForSequenceClassification,
}


def load_config(name: str, option: str, **settings: Any) -> PreTrainedConfig:
    """Return the config of a model.

    Args:
        name: Folder, file, or name on the hub.
        option: The option that named it, for messages.
        settings: Fields of the config to change.

    Raises:
        UsageError: there is none, it is damaged, or needs code of its own.
    """
    with _one_line(option, name):
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            name, trust_remote_code=False, **settings
        )
    return config


def load_tokenizer(name: str, option: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model; see `load_config`."""
    with _one_line(option, f"{name} (its tokenizer)"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            name, trust_remote_code=False, revision=revision
        )
    return tokenizer


def load_weights(name: str, option: str, task: str, **settings: Any) -> PreTrainedModel:
    """Return a trained model for a task; see `load_config`.

    Args:
        name: Folder, or name on the hub.
        option: The option that named it, for messages.
        task: `mlm` or `classification`.
        settings: Fields of the config to change, and options of `from_pretrained`.
    """
    with _one_line(option, f"{name} for {task}"):
        model: PreTrainedModel = _AUTO_MODELS[task].from_pretrained(
            name, trust_remote_code=False, **settings
        )
    return model


def new_model(
    config: PreTrainedConfig, task: str, option: str, name: str, **settings: Any
) -> PreTrainedModel:
    """Return a model for a task with random weights; see `load_weights`."""
    with _one_line(option, f"{name} for {task}"):
        model: PreTrainedModel = _AUTO_MODELS[task].from_config(
            config, trust_remote_code=False, **settings
        )
    return model


def longest_input(model: PreTrainedModel) -> int | None:
    """Return how many tokens a model reads at once, None where there is no limit."""
    embeddings = _position_embeddings(model)
    if embeddings is not None:
        return embeddings.num_embeddings - first_position(model)
    places = getattr(model.config, "max_position_embeddings", None)
    return places if places is not None and places > 0 else None


def first_position(model: PreTrainedModel) -> int:
    """Return the number that a model gives the first token of a text.

    RoBERTa and its family count positions from behind the padding's id on; their position
    embeddings say so by a padding index.
    """
    embeddings = _position_embeddings(model)
    padding = None if embeddings is None else embeddings.padding_idx
    return 0 if padding is None else padding + 1


def _position_embeddings(model: PreTrainedModel) -> torch.nn.Embedding | None:
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            return module
    return None


@contextmanager
def _one_line(option: str, what: str) -> Iterator[None]:
    """Make one line of whatever is wrong with the files."""
    try:
        yield
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        if "trust_remote_code" in why:
            why = "it needs code that comes with it, which this program never runs: choose a model "
            why += "of transformers' own"
        elif "ignore_mismatched_sizes" in why:
            why = "its weights have other sizes than the dataset needs, as of another number of "
            why += "classes: give --ignore_mismatched_sizes to initialize those weights"
        raise UsageError(f"cannot load {option} {what}: {why[:300]}") from error
