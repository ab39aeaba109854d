"""Attention within reviews: in a block of several, each is read as if it stood alone.

Three things make it so: positions that start over with each review, from the number that the model
gives its first token; and either a mask by which a token sees its own review only, or the rows put
end to end without padding, with the ends of reviews for FlashAttention's kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from training.model.pretrained import first_position
from training.reading.row_reader import Batch, as_batch
from transforms.functional.errors import UsageError
from transforms.functional.rows.token_bits import cu_seqlens_of, position_ids_of, seq_idx_of

ModelInputs = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReviewAttention:
    """Makes a model's inputs of a batch whose rows hold several reviews.

    Attributes:
        form: What the model's attention takes: `mask` (True where a token sees another), `bias`
            (added to the scores), or `flat` (no padding, ends of reviews).
        first_position: Number of a review's first token.
        window: Tokens that layers with a sliding window see to each side; None where all layers see
            everything.
    """

    form: Literal["mask", "bias", "flat"] = "mask"
    first_position: int = 0
    window: int | None = None

    @classmethod
    def of(cls, model: PreTrainedModel) -> ReviewAttention:
        """Return what a model needs, after trying it.

        Raises:
            UsageError: it does not keep reviews apart, or its kind of attention is unknown.
        """
        config = model.config
        kind = str(config._attn_implementation)
        is_flash = kind.startswith("flash_attention")
        forms: dict[str, Literal["mask", "bias"]] = {"sdpa": "mask", "eager": "bias"}
        if not is_flash and kind not in forms:
            raise UsageError(
                f"--attention within_reviews knows sdpa, eager and FlashAttention, and this model "
                f"computes its attention by {kind}: choose one of them"
            )
        slides = "sliding_attention" in (getattr(config, "layer_types", None) or ())
        attention = cls(
            form="flat" if is_flash else forms[kind],
            first_position=first_position(model),
            window=int(config.sliding_window) if slides else None,
        )
        # FlashAttention needs a GPU and half precision, which the model is not prepared for here.
        if not is_flash and not _keeps_apart(model, attention):
            raise UsageError(
                f"--attention within_reviews does not keep reviews apart in "
                f"{type(model).__name__}, which takes no such mask or positions: leave the option "
                f"out, or choose another model"
            )
        return attention

    def __call__(self, batch: Batch, review_starts: torch.Tensor) -> ModelInputs:
        """Return the inputs of the model.

        Args:
            batch: Columns of tokens, (n, length); `attention_mask` is 1 on real ones.
            review_starts: (n, length) bool.

        Returns:
            Of the form `mask` or `bias`: the batch with `position_ids` (n, length) and another
            `attention_mask` (n, 1, length, length); by kind of layer where some have a window. Of
            the form `flat`: columns (1, n_tokens) without padding, with `position_ids`,
            `cu_seq_lens_q`, `cu_seq_lens_k` (n_reviews + 1,) int32, `max_length_q`, `max_length_k`.
        """
        real = batch["attention_mask"].numpy().astype(np.bool_)
        starts = review_starts.numpy()
        seq_idx = seq_idx_of(starts, real)
        positions = torch.from_numpy(position_ids_of(starts, real) + self.first_position)
        columns = {name: values for name, values in batch.items() if name != "attention_mask"}
        columns["position_ids"] = positions
        if self.form != "flat":
            return {**columns, "attention_mask": self._masks(seq_idx)}
        keep = torch.from_numpy(real)
        ends = cu_seqlens_of(seq_idx)
        longest = int(np.diff(ends).max(initial=0))
        return {
            **{name: values[keep].unsqueeze(0) for name, values in columns.items()},
            **dict.fromkeys(("cu_seq_lens_q", "cu_seq_lens_k"), torch.from_numpy(ends)),
            **dict.fromkeys(("max_length_q", "max_length_k"), longest),
        }

    def _masks(self, seq_idx: npt.NDArray[np.int32]) -> torch.Tensor | dict[str, torch.Tensor]:
        # Padding sees padding: with nothing to see, a softmax has no value.
        same = torch.from_numpy(seq_idx[:, None, :, None] == seq_idx[:, None, None, :])
        if self.window is None:
            return self._formed(same)
        places = torch.arange(seq_idx.shape[1])
        near = (places[:, None] - places).abs() <= self.window
        return {
            "full_attention": self._formed(same),
            "sliding_attention": self._formed(same & near),
        }

    def _formed(self, sees: torch.Tensor) -> torch.Tensor:
        if self.form == "mask":
            return sees
        return torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min)


@dataclass(frozen=True)
class WithinReviews:
    """A collator whose batches are read with attention within reviews.

    Args:
        collate: Makes the columns of tokens.
        attention: What the model needs.
    """

    collate: Callable[[Batch], Batch]
    attention: ReviewAttention

    def __call__(self, rows: Batch | Sequence[Batch]) -> ModelInputs:
        """Return the model's inputs.

        Args:
            rows: What `collate` takes, and `review_starts`: a batch, or its rows one by one.
        """
        batch = as_batch(rows)
        columns = {name: values for name, values in batch.items() if name != "review_starts"}
        return self.attention(self.collate(columns), batch["review_starts"])


def _keeps_apart(model: PreTrainedModel, attention: ReviewAttention) -> bool:
    """Return whether two short reviews in a row have the logits that each has alone."""
    if any(parameter.is_meta for parameter in model.parameters()):
        return True  # Another process has the weights, and tries.
    pad = model.config.pad_token_id
    ids = torch.tensor([token for token in range(12) if token != pad][:9]).unsqueeze(0)
    ids = ids % model.config.vocab_size
    starts = torch.zeros(1, 9, dtype=torch.bool)
    starts[0, [0, 4]] = True
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    was_training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            inputs = attention(batch, starts)
            packed = model(**inputs).logits[0]
            crossed = model(**{**inputs, "attention_mask": torch.ones_like(ids)}).logits[0]
            alone = torch.cat([model(input_ids=part).logits[0] for part in ids.split([4, 5], 1)])
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        return False  # It takes no such mask, or no positions.
    finally:
        model.train(was_training)
    # In a new model one token hardly looks at another: what counts is how much less it does now.
    rounding = 16 * torch.finfo(alone.dtype).eps * alone.abs().max()
    error, crossing = (packed - alone).abs().max(), (crossed - alone).abs().max()
    return bool(error <= torch.maximum(rounding, 0.02 * crossing))
