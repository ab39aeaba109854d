"""A review in a block has the logits that it has alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, BertForMaskedLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tests.training.model.families import model_of
from training.model.review_attention import ReviewAttention, WithinReviews
from training.reading.row_reader import Batch
from transforms.functional.errors import UsageError
from transforms.functional.rows.masking import IGNORED

LENGTHS = ((12, 3, 9), (1, 14), (24,))  # Of the reviews in each row of 24 tokens.
LENGTH = 24


def packed() -> tuple[Batch, torch.Tensor]:
    """Return a batch of rows that hold reviews, and padding, and where reviews begin."""
    ids = torch.randint(5, 50, (3, LENGTH), generator=torch.Generator().manual_seed(1))
    mask, starts = torch.zeros_like(ids), torch.zeros(3, LENGTH, dtype=torch.bool)
    for row, lengths in enumerate(LENGTHS):
        mask[row, : sum(lengths)] = 1
        starts[row, torch.tensor([0, *lengths[:-1]]).cumsum(0)] = True
    ids[mask == 0] = 1
    labels = torch.where(ids % 3 == 0, ids, IGNORED)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}, starts


def reviews() -> Iterator[tuple[int, slice]]:
    for row, lengths in enumerate(LENGTHS):
        end = 0
        for length in lengths:
            end += length
            yield row, slice(end - length, end)


@pytest.mark.parametrize("kind", ["sdpa", "eager"])
@pytest.mark.parametrize(
    "family", ["bert", "distilbert", "roberta", "electra", "albert", "mpnet", "modernbert"]
)
def test_the_logits_of_a_packed_review_are_those_of_the_review_alone(
    family: str, kind: str
) -> None:
    if family == "mpnet" and kind == "sdpa":
        pytest.skip("MPNet has no such attention")
    model = model_of(family, kind)
    batch, starts = packed()
    attention = ReviewAttention.of(model)
    inputs = attention(batch, starts)
    del inputs["labels"]

    with torch.no_grad():
        logits = model(**inputs).logits
        crossed = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        for row, place in reviews():
            alone = model(batch["input_ids"][row, place].unsqueeze(0)).logits[0]
            assert torch.allclose(logits[row, place], alone, atol=1e-4)
    assert attention.first_position == (2 if family in ("roberta", "mpnet") else 0)
    assert logits.isfinite().all()
    assert not torch.allclose(logits[0], crossed[0], atol=1e-2)


def _by_ends(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Stand in for FlashAttention: sequences are what lies between the ends, and nothing else."""
    assert attention_mask is None
    ends = options["cu_seq_lens_q"].tolist()
    assert torch.equal(options["cu_seq_lens_k"], options["cu_seq_lens_q"])
    lengths = [end - begin for begin, end in pairwise(ends)]
    assert options["max_length_q"] == options["max_length_k"] == max(lengths)
    made = []
    for q, k, v in zip(*(each.split(lengths, dim=2) for each in (query, key, value)), strict=True):
        places = torch.arange(q.shape[2])
        distance = (places[:, None] - places).abs()
        near = distance < (q.shape[2] if sliding_window is None else sliding_window)
        made.append(scaled_dot_product_attention(q, k, v, attn_mask=near, scale=scaling))
    return torch.cat(made, dim=2).transpose(1, 2), None


@pytest.mark.parametrize("family", ["modernbert", "bert", "roberta", "distilbert"])
def test_transformers_hands_the_ends_of_reviews_to_the_kernel(family: str) -> None:
    AttentionInterface.register("by_ends", _by_ends)
    try:
        model = model_of(family)
        plain = model_of(family)
        first = ReviewAttention.of(plain).first_position
        model.config._attn_implementation = "by_ends"
        batch, starts = packed()
        inputs = ReviewAttention(form="flat", first_position=first)(batch, starts)
        labels = inputs.pop("labels")
        with torch.no_grad():
            logits = model(**inputs).logits[0]
            alone = [
                plain(batch["input_ids"][row, place].unsqueeze(0)).logits[0]
                for row, place in reviews()
            ]
    finally:
        del ALL_ATTENTION_FUNCTIONS._global_mapping["by_ends"]

    assert torch.allclose(logits, torch.cat(alone), atol=1e-4)
    assert labels.tolist() == [batch["labels"][batch["attention_mask"] == 1].tolist()]


def test_flat_inputs_hold_no_padding_and_the_ends_of_reviews() -> None:
    batch = {
        "input_ids": torch.tensor([[5, 6, 7], [8, 0, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]]),
    }
    starts = torch.tensor([[1, 0, 1], [1, 0, 0]], dtype=torch.bool)

    inputs = ReviewAttention(form="flat", first_position=2)(batch, starts)

    assert inputs["input_ids"].tolist() == [[5, 6, 7, 8]]
    assert inputs["position_ids"].tolist() == [[2, 3, 2, 2]]
    assert inputs["cu_seq_lens_q"].tolist() == [0, 2, 3, 4]
    assert inputs["cu_seq_lens_q"].dtype == torch.int32
    assert inputs["max_length_k"] == 2
    assert "attention_mask" not in inputs


def test_a_collator_within_reviews_keeps_what_it_makes() -> None:
    batch, starts = packed()
    collate = WithinReviews(lambda columns: {**columns, "seen": columns["input_ids"]}, ATTENTION)

    inputs = collate({**batch, "review_starts": starts})

    assert set(inputs) == {"input_ids", "attention_mask", "labels", "position_ids", "seen"}
    assert inputs["attention_mask"].shape == (3, 1, LENGTH, LENGTH)


ATTENTION = ReviewAttention()


class _Deaf(BertForMaskedLM):
    """A model that takes a mask and does not look at it."""

    def forward(self, attention_mask: torch.Tensor | None = None, **inputs: Any) -> Any:
        return super().forward(**inputs)


def test_a_model_that_does_not_keep_reviews_apart_is_refused_in_one_line() -> None:
    torch.manual_seed(0)
    model = _Deaf(model_of("bert").config)  # New: its tokens hardly look at each other.

    with pytest.raises(UsageError, match=r"not keep reviews apart in _Deaf, which") as error:
        ReviewAttention.of(model)
    assert "\n" not in str(error.value)


def test_attention_of_another_kind_is_refused() -> None:
    model = model_of("bert")
    model.config._attn_implementation = "flex_attention"

    with pytest.raises(UsageError, match="this model computes its attention by flex_attention"):
        ReviewAttention.of(model)
