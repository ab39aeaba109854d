"""Tiny models with random weights, one of each family that is trained on blocks."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

VOCAB_SIZE = 50
_SIZES = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
}
_OTHERS: dict[str, dict[str, Any]] = {
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "electra": {"embedding_size": 8},
    "albert": {"embedding_size": 8},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8},
}


def model_of(family: str, attention: str | None = None) -> PreTrainedModel:
    """Return a masked language model of 2 layers of 16, ready to evaluate."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**_SIZES, **_OTHERS.get(family, {})})
    model: PreTrainedModel = AutoModelForMaskedLM.from_config(
        config, **({} if attention is None else {"attn_implementation": attention})
    )
    for parameter in model.parameters():  # Positions and reviews should matter.
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()
