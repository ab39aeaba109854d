"""The other program: reads shards and trains. It never imports Beam, and nobody imports it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe
    from training.model.review_attention import ReviewAttention, WithinReviews
    from training.reading.dataset import ShardDataset
    from training.reading.mixed_rows import MixedRows
    from training.reading.row_reader import RowBatch
    from training.reading.shard_cache import ShardCache
    from training.sampling.batching import LengthOrder
    from training.sampling.loader import ShardLoader
    from training.sampling.mixture_order import MixtureOrder
    from training.sampling.order import ShardOrder
    from training.sampling.sampler import ElasticSampler

__all__ = [
    "MLM_COLUMNS",
    "ElasticSampler",
    "LengthOrder",
    "MixedRows",
    "MixtureOrder",
    "MlmCollator",
    "ReviewAttention",
    "RowBatch",
    "ShardCache",
    "ShardDataset",
    "ShardLoader",
    "ShardOrder",
    "WithinReviews",
    "mask_recipe",
]

_MODULES = {
    "training.model.collators": ("MLM_COLUMNS", "MlmCollator", "mask_recipe"),
    "training.model.review_attention": ("ReviewAttention", "WithinReviews"),
    "training.reading.dataset": ("ShardDataset",),
    "training.reading.mixed_rows": ("MixedRows",),
    "training.reading.row_reader": ("RowBatch",),
    "training.reading.shard_cache": ("ShardCache",),
    "training.sampling.batching": ("LengthOrder",),
    "training.sampling.loader": ("ShardLoader",),
    "training.sampling.mixture_order": ("MixtureOrder",),
    "training.sampling.order": ("ShardOrder",),
    "training.sampling.sampler": ("ElasticSampler",),
}


def __getattr__(name: str) -> Any:
    """Load a public name's module when it is first asked for: `import training` loads no torch."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'training' has no attribute {name!r}")
