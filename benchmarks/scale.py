"""Does the cost grow in proportion? Time and memory of the job over 0.1, 1 and 10 GB of text.

    python -m benchmarks.scale --input imdb/*.parquet --tokenizer path/to/distilbert-base-uncased

Makes the text with `benchmarks.make_reviews`, and adds up the memory of all processes of the job.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import machine

_PAGE_SAMPLES_S = 0.2


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
    print("| text | order | seconds | seconds a GB | Mtok/s | peak memory of all processes |")
    print("| --: | --- | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as temporary:
        for gigabytes in options.gigabytes:
            reviews = Path(options.folder or temporary) / f"{gigabytes:g}"
            if not reviews.exists():
                make(options.input, reviews, gigabytes)
            for order in options.orders:
                output = Path(temporary) / f"shards-{gigabytes:g}-{order}"
                seconds, peak = measure(job(reviews, output, options.tokenizer, order))
                report = json.loads((output / "manifest.json").read_text())
                tokens = report["ledger"]["tokens"]["written"]
                print(
                    f"| {gigabytes:g} GB | {order} | {seconds:.1f} | {seconds / gigabytes:.1f} "
                    f"| {tokens / seconds / 1e6:.2f} | {peak / 2**20:,.0f} MiB |",
                    flush=True,
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


def measure(command: Sequence[str]) -> tuple[float, int]:
    """Run a command; return seconds, and the highest sum of its processes' memory in bytes.

    Memory is the proportional set size: pages that processes share count once.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(memory_of, family_of(process.pid))))
        time.sleep(_PAGE_SAMPLES_S)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}")
    return time.perf_counter() - started, peak


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
