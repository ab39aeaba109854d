"""Which parameters are trained: all, some, or low-rank adapters by the peft library.

Adapters are those of LoRA (Hu et al., 2021).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from transformers import PreTrainedModel

from training.config import ModelOptions
from transforms.functional.errors import UsageError


def choose_parameters(
    model: PreTrainedModel, options: ModelOptions, *, is_sharded: bool
) -> PreTrainedModel:
    """Return a model of which only those parameters are trained that the options ask for.

    Args:
        is_sharded: FSDP shards it among GPUs.

    Raises:
        UsageError: a pattern or name finds nothing, or the options do not go together.
    """
    if options.freeze_base:
        _freeze_base(model, options.unfreeze)
    if options.lora_r is None:
        return model
    if is_sharded:
        raise UsageError("--lora_r and --fsdp do not go together here: leave one out")
    return _add_adapters(model, options, options.lora_r)


def trainable_parameters(model: PreTrainedModel) -> tuple[int, int]:
    """Return how many numbers are trained, and how many there are."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes)


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


def _freeze_base(model: PreTrainedModel, unfreeze: list[str]) -> None:
    """Freeze every parameter of `model.base_model`, but those that a pattern finds."""
    for parameter in model.base_model.parameters():
        parameter.requires_grad = False
    names = [name for name, _ in model.named_parameters()]
    for pattern in unfreeze:
        try:
            found = {name for name in names if re.search(pattern, name)}
        except re.error as error:
            raise UsageError(f"--unfreeze {pattern!r} is no regular expression: {error}") from None
        if not found:
            raise UsageError(
                f"--unfreeze {pattern!r} finds no parameter: names are like {names[0]!r} and "
                f"{names[-1]!r}"
            )
        for name in found:
            model.get_parameter(name).requires_grad = True


def _add_adapters(model: PreTrainedModel, options: ModelOptions, rank: int) -> PreTrainedModel:
    """Return a model of which only adapters are trained, and a classifier's head."""
    from peft import LoraConfig, get_peft_model  # An extra: only who asks for adapters needs it.

    linear = [
        f"{model.base_model_prefix}.{name}"
        for name, module in model.base_model.named_modules()
        if isinstance(module, torch.nn.Linear)
    ]
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank if options.lora_alpha is None else options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=options.lora_target_modules or linear,
        modules_to_save=_head(model),
    )
    try:
        with warnings.catch_warnings():
            # peft asks transformers for an attribute by its old name.
            warnings.simplefilter("ignore", FutureWarning)
            return cast(PreTrainedModel, get_peft_model(model, config))
    except ValueError as error:
        raise UsageError(f"--lora_target_modules: {error}") from error


def _head(model: PreTrainedModel) -> list[str] | None:
    """Return the names of a classifier's own layers, which are new: they are trained whole."""
    if not type(model).__name__.endswith("ForSequenceClassification"):
        return None
    own = {name for name, module in model.named_children() if module is not model.base_model}
    return sorted(name for name in own if any(True for _ in getattr(model, name).parameters()))
