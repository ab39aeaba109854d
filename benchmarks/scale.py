"""Does the cost grow in proportion? Time and memory of the job over 0.1, 1 and 10 GB of text.

    python -m benchmarks.scale --input imdb/*.parquet --tokenizer path/to/distilbert-base-uncased

Makes the text with `benchmarks.make_reviews`, and adds up time and memory of all processes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Run, job_command, job_options, machine, run_watched


def main() -> None:
    """Run the job over each size in both orders, and print a table."""
    parser = job_options(__doc__)
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
                command = [sys.executable, "-m", "benchmarks.make_reviews", "--output", reviews]
                command += ["--gigabytes", str(gigabytes), "--input", *options.input]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            for order in options.orders:
                output = Path(temporary) / "shards"
                given = [str(reviews)], options.tokenizer, str(output)
                run, peak = run_watched(job_command(*given, "--order", order), memory_of)
                ledger = json.loads((output / "manifest.json").read_text())["ledger"]
                shutil.rmtree(output)
                print(row(gigabytes, order, run, peak, ledger["tokens"]["written"]), flush=True)


def row(gigabytes: float, order: str, run: Run, peak: int, tokens: int) -> str:
    """Return one line of the table."""
    return (
        f"| {gigabytes:g} GB | {order} | {run.wall:.1f} | {run.wall / gigabytes:.1f} "
        f"| {run.cpu / gigabytes:.1f} | {tokens / run.wall / 1e6:.2f} | {peak / 2**20:,.0f} MiB |"
    )


def memory_of(process: list[str]) -> int:
    """Return the proportional set size of a process in bytes, 0 when it has ended.

    Pages that processes share count once.
    """
    try:
        lines = Path(f"/proc/{process[0]}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
