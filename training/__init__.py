"""The other program: reads shards and trains. It never imports Beam, and nobody imports it."""

from importlib import import_module
from typing import Any

# The module of each public name: it is loaded with the first name of it that somebody asks for, so
# that `import training` loads no torch.
_MODULES = {
    "MLM_COLUMNS": "model.collators",
    "ElasticSampler": "sampling.sampler",
    "LengthOrder": "sampling.batching",
    "MixedRows": "reading.mixed_rows",
    "MixtureOrder": "sampling.mixture_order",
    "MlmCollator": "model.collators",
    "ReviewAttention": "model.review_attention",
    "RowBatch": "reading.row_reader",
    "ShardCache": "reading.shard_cache",
    "ShardDataset": "reading.dataset",
    "ShardLoader": "sampling.loader",
    "ShardOrder": "sampling.order",
    "WithinReviews": "model.review_attention",
    "cu_seqlens_of": "model.review_attention",
    "mask_recipe": "model.collators",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Return a public name, from the module that defines it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names too, which nobody has asked for yet."""
    return sorted({*globals(), *_MODULES})
