"""LoRA (Hu et al., 2021): low-rank adapters instead of all weights, by the peft library."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from transformers import PreTrainedModel

from training.config import ModelOptions
from transforms.functional.errors import UsageError


def add_adapters(model: PreTrainedModel, options: ModelOptions) -> PreTrainedModel:
    """Return a model of which only adapters are trained, and a classifier's head.

    Raises:
        UsageError: there is no such layer.
    """
    from peft import LoraConfig, get_peft_model  # An extra: only who asks for adapters needs it.

    rank = options.lora_r or 0
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank if options.lora_alpha is None else options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=options.lora_target_modules or _linear_layers(model),
        modules_to_save=_head(model),
    )
    try:
        with warnings.catch_warnings():
            # peft asks transformers for an attribute by its old name.
            warnings.simplefilter("ignore", FutureWarning)
            return cast(PreTrainedModel, get_peft_model(model, config))
    except ValueError as error:
        raise UsageError(f"--lora_target_modules: {error}") from error


def save_adapters(model: PreTrainedModel, folder: Path) -> None:
    """Save the adapters by themselves, if the model has some."""
    if without_adapters(model) is not model:
        model.save_pretrained(str(folder), save_embedding_layers=False)


def merge_adapters(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model of transformers with what its adapters, if any, have learned."""
    merge: Callable[[], PreTrainedModel] = getattr(model, "merge_and_unload", lambda: model)
    return merge()


def without_adapters(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model below its adapters, as transformers made it."""
    unwrap: Callable[[], PreTrainedModel] = getattr(model, "get_base_model", lambda: model)
    return unwrap()


def _linear_layers(model: PreTrainedModel) -> list[str]:
    """Return the names of the encoder's linear layers."""
    base = model.base_model
    prefix = model.base_model_prefix
    return [
        f"{prefix}.{name}"
        for name, module in base.named_modules()
        if isinstance(module, torch.nn.Linear)
    ]


def _head(model: PreTrainedModel) -> list[str] | None:
    """Return the names of a classifier's own layers, which are new: they are trained whole."""
    if not type(model).__name__.endswith("ForSequenceClassification"):
        return None
    own = {name for name, module in model.named_children() if module is not model.base_model}
    return sorted(name for name in own if any(True for _ in getattr(model, name).parameters()))
