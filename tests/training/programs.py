"""Ways to start the training program in tests."""

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.paths import ROOT
from tests.ports import free_port

# One core for each process, and no GPU.
ALONE = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
LIMIT_S = 300
NOTICED_S = 20

# Without dropout the numbers do not depend on which process draws them.
TINY = {
    "model_type": "distilbert",
    "dim": 16,
    "hidden_dim": 32,
    "n_heads": 2,
    "n_layers": 2,
    "max_position_embeddings": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "seq_classif_dropout": 0.0,
}


def write_config(folder: Path, **changes: Any) -> str:
    file = folder / "config.json"
    file.write_text(json.dumps({**TINY, **changes}))
    return str(file)


def arguments(folder: Path, output: Path, /, **options: Any) -> list[str]:
    """Return a command line: quiet, on one epoch, without checkpoints unless `options` say so."""
    defaults = {
        "dataset": folder,
        "output_dir": output,
        "num_train_epochs": 1,
        "learning_rate": 0.01,
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "report_to": "none",
        "seed": 5,
    }
    line = []
    for name, value in {**defaults, **options}.items():
        values = value if isinstance(value, list) else [value]
        line += [f"--{name}", *(str(each) for each in values)]
    return line


@dataclass(frozen=True)
class Done:
    """What a run of several processes left: 0 where all of them ended well, and their errors."""

    returncode: int
    stderr: str


def torchrun(processes: int, line: list[str], **environment: str) -> Done:
    """Run the traced program in several processes of this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={processes}", "-m", "tests.training.traced_run", *line]
    with subprocess.Popen(
        command,
        env={**os.environ, **ALONE, **environment},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            _, errors = run.communicate(timeout=LIMIT_S)
        except BaseException:
            run.terminate()  # Not killed: torchrun passes it on to its processes.
            raise
    return Done(run.returncode, errors)


def forked(processes: int, line: list[str], folder: Path, **environment: str) -> Done:
    """Run the traced program as `torchrun` does, in processes that have its libraries loaded.

    Loading torch and transformers takes ten times as long as the training of a test.

    Args:
        processes: How many.
        line: The command line.
        folder: Where the processes' errors go.
        environment: Variables for all of them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.run", "tests.training.bucket"])
    shared = {
        **ALONE,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        **environment,
    }
    ranks = []
    for rank in map(str, range(processes)):
        own = {**shared, "RANK": rank, "LOCAL_RANK": rank}
        ranks.append(context.Process(target=_traced, args=(own, line, folder / f"err-{rank}")))
    for process in ranks:
        process.start()
    _await(ranks)
    errors = [(folder / f"err-{rank}").read_text() for rank in range(processes)]
    return Done(max(abs(process.exitcode or 0) for process in ranks), "".join(errors))


def _await(ranks: Sequence[BaseProcess]) -> None:
    """Wait for processes to end.

    Where one is killed, the others are too, as torchrun does. Where one ends with an error, the
    others have time to say theirs.
    """
    end = time.monotonic() + LIMIT_S
    failed = False
    while (running := [each.sentinel for each in ranks if each.is_alive()]) and (
        time.monotonic() < end
    ):
        wait(running, 0.5)
        codes = [each.exitcode or 0 for each in ranks]
        if min(codes) < 0:
            break
        if max(codes) > 0 and not failed:
            failed, end = True, time.monotonic() + NOTICED_S
    for each in ranks:
        each.kill()
        each.join()


def _traced(environment: dict[str, str], line: list[str], errors: Path) -> None:
    os.environ.update(environment)
    sys.argv[1:] = line
    with errors.open("w") as file:
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    runpy.run_module("tests.training.traced_run", run_name="__main__")


def rows_by_step(trace: Path) -> dict[int, list[int]]:
    """Return the rows of each step, of all processes; of a step taken twice the later one."""
    steps: dict[int, list[int]] = defaultdict(list)
    for file in sorted(trace.glob("*.jsonl")):
        mine = {}
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            mine[entry["step"]] = entry["rows"]
        for step, rows in mine.items():
            steps[step] += rows
    return dict(steps)


def history(output: Path, name: str = "loss") -> list[float]:
    """Return what was logged of a value, in order."""
    state = json.loads((output / "trainer_state.json").read_text())
    return [entry[name] for entry in state["log_history"] if name in entry]
