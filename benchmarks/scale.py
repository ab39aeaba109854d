"""Does the cost grow in proportion? Time and memory of the job over 0.1, 1 and 10 GB of text.

    python -m benchmarks.scale --input imdb/*.parquet --tokenizer path/to/distilbert-base-uncased

Makes the text with `benchmarks.make_reviews`, and adds up time and memory of all processes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import Run, children_cpu, machine

_SAMPLES_S = 0.2


def main() -> None:
    """Run the job over each size in both orders, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True, help="Parquet files with text")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--gigabytes", nargs="+", type=float, default=[0.1, 1.0, 10.0])
    parser.add_argument("--orders", nargs="+", default=["input", "shuffled"])
    parser.add_argument("--folder", help="where to keep the text (default: a temporary folder)")
    options = parser.parse_args()
    print(machine(["apache-beam", "pyarrow", "tokenizers", "numpy"]) + "\n")
    print("| text | order | wall s | wall s a GB | CPU s a GB | Mtok/s | peak memory |")
    print("| --: | --- | --: | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as temporary:
        for gigabytes in options.gigabytes:
            reviews = Path(options.folder or temporary) / f"{gigabytes:g}"
            if not reviews.exists():
                make(options.input, reviews, gigabytes)
            for order in options.orders:
                output = Path(temporary) / "shards"
                run, peak = measure(job(reviews, output, options.tokenizer, order))
                ledger = json.loads((output / "manifest.json").read_text())["ledger"]
                shutil.rmtree(output)
                print(row(gigabytes, order, run, peak, ledger["tokens"]["written"]), flush=True)


def row(gigabytes: float, order: str, run: Run, peak: int, tokens: int) -> str:
    """Return one line of the table."""
    return (
        f"| {gigabytes:g} GB | {order} | {run.wall:.1f} | {run.wall / gigabytes:.1f} "
        f"| {run.cpu / gigabytes:.1f} | {tokens / run.wall / 1e6:.2f} | {peak / 2**20:,.0f} MiB |"
    )


def make(inputs: Sequence[str], folder: Path, gigabytes: float) -> None:
    """Make the text."""
    command = [sys.executable, "-m", "benchmarks.make_reviews", "--input", *inputs]
    command += ["--output", str(folder), "--gigabytes", str(gigabytes)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def job(reviews: Path, output: Path, tokenizer: str, order: str) -> list[str]:
    """Return the command line of the job."""
    command = [sys.executable, "-m", "beam_pipeline", "--input", str(reviews), "--task", "mlm"]
    return [*command, "--output", str(output), "--tokenizer", tokenizer, "--order", order]


def measure(command: Sequence[str]) -> tuple[Run, int]:
    """Run a command; return its time, and the highest sum of its processes' memory in bytes.

    Memory is the proportional set size: pages that processes share count once.
    """
    started, cpu = time.perf_counter(), children_cpu()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(memory_of, family_of(process.pid))))
        time.sleep(_SAMPLES_S)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}")
    return Run(wall=time.perf_counter() - started, cpu=children_cpu() - cpu), peak


def family_of(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = [path for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
        for thread in threads:
            children += (thread / "children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in family_of(int(child)))]


def memory_of(pid: int) -> int:
    """Return the proportional set size of a process in bytes, 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
