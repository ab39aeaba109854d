"""What all processes must have in common before the first step."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from training.config import Options
from training.data import Data
from training.loop.checkpoints import SAMPLER_FILE

# Folders of a node, and what changes no number.
_OWN_OPTIONS = {"cache_folder", "cache_gb", "local_rank", "output_dir", "logging_dir", "run_name"}


def facts_of_options(options: Options) -> dict[str, Any]:
    """Return the options that must be the same, by what they are called on the command line."""
    data, model, training = options
    values = {**asdict(data), **asdict(model), **training.to_dict()}  # type: ignore[no-untyped-call]
    return {
        f"--{name}": value
        for name, value in values.items()
        if name not in _OWN_OPTIONS and not name.startswith("dataloader_")
    }


def facts_of_data(data: Data, checkpoint: str | None) -> dict[str, Any]:
    """Return short hashes of the datasets and of the checkpoint to go on from.

    A checkpoint's last file lists the sizes of the others.
    """
    facts = {f"dataset ({url})": content[:12] for url, content in data.contents().items()}
    if checkpoint is None:
        return {**facts, "checkpoint": "none"}
    last_file = Path(checkpoint, SAMPLER_FILE)
    found = _short(last_file.read_bytes()) if last_file.is_file() else "which is not there"
    return {**facts, "checkpoint": f"{Path(checkpoint).name}, {found}"}


def facts_of_model(model: PreTrainedModel) -> dict[str, Any]:
    """Return short hashes of a model's config and weights; of none that are on no device yet."""
    facts: dict[str, Any] = {"model config": _short(model.config.to_json_string().encode())}
    weights = [each.detach() for each in model.parameters()]
    if not any(each.is_meta for each in weights):
        facts["model weights"] = _checksum(weights)
    return facts


def _checksum(tensors: list[torch.Tensor]) -> str:
    checksum = 0
    for tensor in tensors:
        values = tensor.cpu().contiguous().reshape(-1).view(torch.uint8)
        checksum = zlib.crc32(values.numpy().data, checksum)
    return f"{checksum:08x}"


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
