"""What processes must have in common: errors, and what the first one has found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from transforms.functional.errors import DatasetError, ReviewShardsError

T = TypeVar("T")


def is_alone() -> bool:
    """Return True where no process group is in use."""
    return not (dist.is_available() and dist.is_initialized())


def on_all_ranks(action: Callable[[], T], device: torch.device) -> T:
    """Run something that may fail on every process, and fail on all when it fails on one.

    Args:
        action: What each process does; it must not communicate.
        device: Where the process group's tensors live.

    Raises:
        DatasetError: on the processes that did not fail, naming one that did, which raises its own.
    """
    if is_alone():
        return action()
    result: T | None = None
    failure: Exception | None = None
    try:
        result = action()
    except Exception as error:  # Whatever it is, the others must not wait.
        failure = error
    failed = largest_on_all_ranks(0 if failure is None else dist.get_rank() + 1, device)
    if failure is not None:
        raise failure
    if failed:
        raise DatasetError(
            f"process {failed - 1} could not read its data, so this one stops too: see its error"
        )
    return result  # type: ignore[return-value]


def largest_on_all_ranks(value: int, device: torch.device) -> int:
    """Return the largest of the processes' numbers, on every process; see `on_all_ranks`."""
    if is_alone():
        return value
    largest = torch.tensor([value], device=device)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)


def sum_on_all_ranks(values: list[int], device: torch.device) -> list[int]:
    """Return the sums of the processes' numbers, on every process; see `on_all_ranks`."""
    if is_alone():
        return values
    sums = torch.tensor(values, device=device)
    dist.all_reduce(sums)
    return [int(value) for value in sums]


def from_first_rank(action: Callable[[], T]) -> T:
    """Return what the first process finds out, on every process.

    Args:
        action: What the first process does; its result must pickle.

    Raises:
        ReviewShardsError: on all processes, when it fails.
    """
    if is_alone():
        return action()
    found: list[Any] = [None, None]
    if dist.get_rank() == 0:
        try:
            found[0] = action()
        except ReviewShardsError as error:
            found[1] = error
    dist.broadcast_object_list(found, src=0)
    if found[1] is not None:
        raise found[1]
    result: T = found[0]
    return result


def check_same_on_all_ranks(facts: Mapping[str, Any]) -> None:
    """Refuse to begin when processes have found different things.

    Args:
        facts: What must be the same, by what it is called in the message.

    Raises:
        DatasetError: on all processes, naming what differs, and where.
    """
    if is_alone():
        return
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, dict(facts))
    for rank, theirs in enumerate(everyone):
        for name, value in everyone[0].items():
            if theirs.get(name) != value:
                raise DatasetError(
                    f"process {rank} has another {name} ({theirs.get(name)}) than process 0 "
                    f"({value}): give all of them the same command and the same files, as on a "
                    f"shared file system"
                )
