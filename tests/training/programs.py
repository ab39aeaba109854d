"""Ways to start the training program in tests."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.paths import ROOT

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


def torchrun(processes: int, line: list[str], **environment: str) -> "subprocess.CompletedProcess":
    """Run the traced program in several processes of this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={processes}", "-m", "tests.training.traced_run", *line]
    return run(command, **environment)


def run(command: list[str], **environment: str) -> "subprocess.CompletedProcess":
    """Run a command to its end; one that takes too long is ended with all that it started."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = process.communicate(timeout=300)
    except BaseException:
        process.terminate()  # Not killed: torchrun passes it on to its processes.
        process.communicate(timeout=60)
        raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


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
