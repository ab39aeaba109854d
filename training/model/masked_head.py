"""The head of a masked language model, run on the predicted tokens only: 15 % of them, as a rule.

A head works on each token by itself, and its last matrix has a row for each id of the vocabulary:
the logits of all tokens are the largest tensor of a step, and most of them are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from training.model.parameters import without_adapters
from transforms.functional.rows.masking import IGNORED


class MaskedHead:
    """Lets the head of a model see what is predicted, and nothing else.

    Between the encoder, which is `model.base_model`, and the head stands a hook. Inside
    `predicting(labels)` it passes on the tokens with a label, so the model returns logits
    (1, n_predicted, n_ids), in the order of `labels[labels != IGNORED]`.

    Args:
        model: The model, before it is wrapped for several processes.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Put the hook in."""
        self._predicted: torch.Tensor | None = None
        self._hook = without_adapters(model).base_model.register_forward_hook(self._choose)

    @classmethod
    def of(cls, model: PreTrainedModel) -> MaskedHead | None:
        """Return the head of a model; None where that, tried on a few tokens, gives other logits.

        So it is where the encoder's output is not all that the head reads, or not token by token.
        """
        if any(parameter.is_meta for parameter in model.parameters()):
            return None  # Nothing can be tried.
        head = cls(model)
        ids = torch.arange(12, device=model.device).reshape(2, 6) % model.config.vocab_size
        labels = torch.full_like(ids, IGNORED)
        labels[0, 1] = labels[1, 0] = labels[1, 4] = 0
        was_training = model.training
        model.train(False)
        try:
            with torch.no_grad():
                expected = model(input_ids=ids).logits[labels != IGNORED]
                with head.predicting(labels):
                    found = model(input_ids=ids).logits[0]
            rounding = 64 * torch.finfo(expected.dtype).eps * float(expected.abs().max())
            same = found.shape == expected.shape and torch.allclose(
                found, expected, rtol=0, atol=rounding
            )
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
            same = False  # The head, or the encoder, is built in another way.
        finally:
            model.train(was_training)
        if not same:
            head._hook.remove()
            return None
        return head

    @contextmanager
    def predicting(self, labels: torch.Tensor) -> Iterator[None]:
        """Run the model inside for the tokens with a label only.

        Args:
            labels: (n, length) int64, `IGNORED` where nothing is predicted.
        """
        self._predicted = labels.ne(IGNORED)
        try:
            yield
        finally:
            self._predicted = None

    def _choose(self, encoder: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if self._predicted is None:
            return None
        chosen = output[0][self._predicted].unsqueeze(0)
        if isinstance(output, tuple):
            return (chosen, *output[1:])
        output["last_hidden_state"] = chosen
        return output
