"""Freezing: which parameters are trained."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transformers import PreTrainedModel

from transforms.functional.errors import UsageError


def freeze_base(model: PreTrainedModel, unfreeze: Sequence[str] = ()) -> None:
    r"""Freeze every parameter of `model.base_model`, but those that a pattern finds.

    Args:
        unfreeze: Regular expressions, searched in the names of `model.named_parameters()`
            (`pooler|layer\.5`).

    Raises:
        UsageError: a pattern is no regular expression, or finds no parameter.
    """
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
        for name, parameter in model.named_parameters():
            if name in found:
                parameter.requires_grad = True


def trainable_parameters(model: PreTrainedModel) -> tuple[int, int]:
    """Return how many numbers are trained, and how many there are."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes)
