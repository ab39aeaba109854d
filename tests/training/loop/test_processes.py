"""What processes have in common, on two real ones."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.distributed as dist

from training.loop.processes import check_same_on_all_ranks, from_first_rank
from transforms.functional.errors import DatasetError, UsageError


def on_two(folder: Path, action: Callable[[int], Any]) -> list[str]:
    """Return what an action gives, or the error that it raises, on two processes."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def work(rank: int) -> None:
        file = f"file://{folder}/rendezvous"
        dist.init_process_group("gloo", init_method=file, rank=rank, world_size=2)
        try:
            results.put((rank, repr(action(rank))))
        except (DatasetError, UsageError) as error:
            results.put((rank, f"{type(error).__name__}: {error}"))
        dist.destroy_process_group()

    processes = [context.Process(target=work, args=(rank,)) for rank in range(2)]
    for process in processes:
        process.start()
    found = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(timeout=60)
    return [found[0], found[1]]


def test_all_processes_get_what_the_first_finds(tmp_path: Path) -> None:
    assert on_two(tmp_path, lambda rank: from_first_rank(lambda: f"rank {rank}")) == [
        "'rank 0'",
        "'rank 0'",
    ]


def test_all_processes_get_the_error_of_the_first(tmp_path: Path) -> None:
    def fail() -> None:
        raise UsageError("no such checkpoint")

    assert (
        on_two(tmp_path, lambda _: from_first_rank(fail)) == ["UsageError: no such checkpoint"] * 2
    )


def test_processes_that_found_different_things_all_stop(tmp_path: Path) -> None:
    errors = on_two(tmp_path, lambda rank: check_same_on_all_ranks({"dataset": rank, "seed": 1}))

    assert len(errors) == 2
    for error in errors:
        assert error.startswith(
            "DatasetError: process 1 has another dataset (1) than process 0 (0)"
        )
    (tmp_path / "rendezvous").unlink(missing_ok=True)
    assert on_two(tmp_path, lambda _: check_same_on_all_ranks({"dataset": 1})) == ["None"] * 2
