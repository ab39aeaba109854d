"""Stopping before the end: at a signal or after some hours, with a checkpoint to go on from."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.loop.processes import largest_on_all_ranks
from transforms import storage
from transforms.functional.errors import StoppedError

# Clusters send SIGTERM to a job that must go; SIGUSR1 is the usual `#SBATCH --signal` ahead of it.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
STOPPED_FILE = "stopped.json"  # In the output folder of a run that was asked to stop.

_TIME_IS_OVER = 1 << 16  # No signal has this number.


class StopRequest:
    """Whether this process was asked to stop; to be used as a context around a run.

    Args:
        max_hours: Ask for it after so many hours, None: never.
    """

    def __init__(self, max_hours: float | None) -> None:
        """Start the clock."""
        self._deadline = None if max_hours is None else time.monotonic() + max_hours * 3600
        self._signal = 0
        self._waiting = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        """From here on signals ask for a stop instead of ending the process.

        They are blocked, too, so that a loader's workers do not get them from their first moment
        on: a cluster signals all processes of a job, and a worker's end is an error of the loader.
        """
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals as they were; those that came meanwhile have been heeded."""
        if self._before:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        # A library's thread may be about to take what was waiting: our handler must still be there.
        deadline = time.monotonic() + 1
        while self._waiting and not self._signal and time.monotonic() < deadline:
            time.sleep(0.001)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def code(self) -> int:
        """Return 0, or the number that says who asked; see `reason_of`."""
        # Waiting, or noted where a thread of a library took it; on the way there it is neither.
        if self._before and not self._waiting:
            self._waiting = min(signal.sigpending().intersection(SIGNALS), default=0)
        if self._signal or self._waiting:
            return self._signal or int(self._waiting)
        is_over = self._deadline is not None and time.monotonic() >= self._deadline
        return _TIME_IS_OVER if is_over else 0

    def _note(self, number: int, _: FrameType | None) -> None:
        self._signal = number


def reason_of(code: int) -> str:
    """Return who asked, in words."""
    return "--max_hours" if code == _TIME_IS_OVER else signal.Signals(code).name


@dataclass(eq=False)
class StopWhenAsked(TrainerCallback):
    """Saves and stops at the next step, on all processes, when one of them was asked to.

    A signal may reach processes at different times, or only one: they agree behind each step.

    Attributes:
        request: Whether this process was asked.
        reason: Who asked, None as long as nobody did.
    """

    request: StopRequest
    reason: str | None = None

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Ask all processes, and stop unless this was the last step anyway."""
        code = largest_on_all_ranks(self.request.code(), args.device)
        if code and state.global_step < state.max_steps:
            self.reason = reason_of(code)
            args.save_only_model = False  # Nobody could go on from that.
            control.should_training_stop = control.should_save = True
            control.should_evaluate = False

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Do what an epoch ends with only when it has ended."""
        if self.reason is not None:
            control.should_save = control.should_evaluate = False


def stopped(output_dir: str, reason: str, state: TrainerState) -> StoppedError:
    """Return the error of a run that is to be gone on with.

    The first process says the same in the output folder: torchrun hides exit codes.
    """
    content = {"reason": reason, "step": state.global_step, "steps": state.max_steps}
    if state.is_world_process_zero:
        storage.write_atomic(str(Path(output_dir, STOPPED_FILE)), json.dumps(content).encode())
    return StoppedError(
        f"stopped: {reason}; step {state.global_step} of {state.max_steps} is saved in "
        f"{output_dir}, and the same command with --resume_from_checkpoint last goes on"
    )


def heed_only_the_parent(_: int) -> None:
    """Let a loader's worker end at its process's SIGTERM, and pass over everybody else's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # Linux: only there a signal's sender is known.
        threading.Thread(target=_end_with_parent, daemon=True).start()
    else:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end_with_parent() -> None:
    # Not `getppid`: that is the server's, where workers are forked by one.
    parent = multiprocessing.parent_process()
    while parent is not None and signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent.pid:
        pass
    os._exit(0)
