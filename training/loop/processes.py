"""Errors of one process become errors of all: nobody waits for a process that has stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.distributed as dist

from transforms.functional.errors import DatasetError

T = TypeVar("T")


def on_all_ranks(action: Callable[[], T], device: torch.device) -> T:
    """Run something that may fail on every process, and fail on all when it fails on one.

    Args:
        action: What each process does; it must not communicate.
        device: Where the process group's tensors live.

    Raises:
        DatasetError: on the processes that did not fail, naming one that did, which raises its own.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return action()
    result: T | None = None
    failure: Exception | None = None
    try:
        result = action()
    except Exception as error:  # Whatever it is, the others must not wait.
        failure = error
    flag = torch.tensor([0 if failure is None else dist.get_rank() + 1], device=device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    if failure is not None:
        raise failure
    if int(flag):
        raise DatasetError(
            f"process {int(flag) - 1} could not read its data, so this one stops too: see its error"
        )
    return result  # type: ignore[return-value]
