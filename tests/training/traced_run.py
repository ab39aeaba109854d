"""The training program, writing down which rows each step read; it can kill itself.

Environment: TRACE: folder for the traces; KILL_AT: the optimizer step at which the process of rank
KILL_RANK kills itself as `kill -9` does; FULL_DISK_RANK: the process whose disk is full;
SIGTERM_AT: the step at which the process of rank 1 and its workers are asked to stop, the others
while they save; OTHER_OPTION: an option of the process of rank 1 alone; FSDP_ON_CPU: let
accelerate choose FSDP for processes without a GPU.
"""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from accelerate import state as accelerate_state
from accelerate.utils import DistributedType

import tests.training.bucket  # noqa: F401  # A file system for datasets.
from training.__main__ import main
from training.loop import trainer

RANK = os.environ.get("RANK", "0")

_rows: list[int] = []
_read = trainer.StepBatches.__getitems__
_take_step = trainer.ShardTrainer.get_batch_samples
_save = trainer.ShardTrainer._save_checkpoint


def read(self: Any, rows: Any) -> Any:
    _rows.extend(rows.rows.tolist())
    return _read(self, rows)


def take_step(self: Any, *arguments: Any) -> Any:
    step = self.state.global_step
    if step == int(os.environ.get("KILL_AT", -1)) and os.environ.get("KILL_RANK", "0") == RANK:
        os.kill(os.getpid(), signal.SIGKILL)
    if step == int(os.environ.get("SIGTERM_AT", -1)) and RANK == "1":
        ask_to_stop()
    _rows.clear()
    result = _take_step(self, *arguments)
    with Path(os.environ["TRACE"], f"{RANK}.jsonl").open("a") as trace:
        trace.write(json.dumps({"step": step, "rows": _rows}) + "\n")
    return result


def reserve(*_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ask_to_stop() -> None:
    # From a process that is no parent of the loader's workers, as a cluster does it.
    command = ["kill", "-s", "TERM", "--", f"-{os.getpgrp()}"]
    subprocess.run(command, start_new_session=True, check=True)


def save(self: Any, *arguments: Any) -> None:
    if "SIGTERM_AT" in os.environ and RANK != "1":
        ask_to_stop()
    _save(self, *arguments)


_prepare = accelerate_state.PartialState.__init__


def prepare_as_with_gpus(self: Any, *arguments: Any, **options: Any) -> None:
    """Set a process group up; accelerate looks at FSDP only where processes have GPUs."""
    _prepare(self, *arguments, **options)
    shared = accelerate_state.PartialState._shared_state
    if shared["distributed_type"] == DistributedType.MULTI_CPU:
        shared["distributed_type"] = DistributedType.MULTI_GPU


if "FSDP_ON_CPU" in os.environ:
    accelerate_state.PartialState.__init__ = prepare_as_with_gpus
trainer.StepBatches.__getitems__ = read  # type: ignore[method-assign]
trainer.ShardTrainer.get_batch_samples = take_step  # type: ignore[method-assign]
trainer.ShardTrainer._save_checkpoint = save  # type: ignore[method-assign]
if RANK == "1" and "OTHER_OPTION" in os.environ:
    sys.argv.append(os.environ["OTHER_OPTION"])
if os.environ.get("FULL_DISK_RANK") == RANK:
    os.posix_fallocate = reserve
    # A cache of its own: the other process may have fetched all shards into a shared one before.
    sys.argv[sys.argv.index("--cache_folder") + 1] += f"-{RANK}"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
