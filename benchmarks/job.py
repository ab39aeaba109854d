"""The whole job against its peers, process to process: imports, reading, tokens, blocks, files.

    python -m benchmarks.job --input reviews/*.parquet --tokenizer path/to/distilbert-base-uncased

Every contestant runs once a round in a process of its own, and writes to a fresh folder.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.timing import (
    Run,
    job_command,
    job_options,
    machine,
    median_table,
    run_process,
    run_rounds,
)

OURS = "review-shards (ids, words, masks, hashes)"
_AGAIN = "the same, when it knows the words of an earlier job"
_PEERS = {
    "datasets.map + group_texts, word ids, num_proc=2": ("datasets_word_ids", True),
    "datasets.map, one tuned pass, no word ids, num_proc=2": ("datasets_plain", True),
    "litdata optimize, no word ids, 2 workers": ("litdata_blocks", True),
    "datatrove DocumentTokenizer, no word ids, 2 workers": ("datatrove_tokens", True),
    "encode_batch_fast + raw write, all threads": ("encode_batch", True),
    "encode_batch_fast alone, all threads": ("encode_batch", False),
}


def main() -> None:
    """Run all rounds and print the table."""
    parser = job_options(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers_python", help="Python with the peers; none: only the job")
    parser.add_argument("--only", nargs="*", help="peer scripts to run (default: all)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as known:
        run_ours(options, known)
        contestants: dict[str, Callable[[], Run]] = {
            OURS: partial(run_ours, options),
            _AGAIN: partial(run_ours, options, known),
        }
        if options.peers_python:
            for name, (script, writes) in _PEERS.items():
                if options.only is None or script in options.only:
                    contestants[name] = partial(run_peer, options, script, writes)
        runs = run_rounds(contestants, options.rounds)
    size = sum(Path(path).stat().st_size for path in options.input)
    print(f"{len(options.input)} files, {size / 1e6:.1f} MB as stored; medians of {options.rounds}")
    print(machine(["apache-beam", "pyarrow", "tokenizers", "numpy"]) + "\n")
    print(median_table(runs, OURS))


def run_ours(options: argparse.Namespace, cache: str | None = None) -> Run:
    """Run the job once; with ``cache``, the user's cache folder of an earlier run."""
    with tempfile.TemporaryDirectory() as folder:
        command = job_command(options.input, options.tokenizer, f"{folder}/shards")
        return run_process(command, env={"XDG_CACHE_HOME": cache or f"{folder}/cache"})


def run_peer(options: argparse.Namespace, script: str, writes: bool) -> Run:
    """Run a peer once, with caches of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        output = ["--output", f"{folder}/out"] if writes else []
        path = Path(__file__).parent / "peers" / f"{script}.py"
        command = [options.peers_python, str(path), "--input", *options.input]
        return run_process(
            [*command, "--tokenizer", options.tokenizer, *output],
            env={
                "HF_HOME": f"{folder}/hf",
                "HF_HUB_OFFLINE": "1",
                "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
                "DATA_OPTIMIZER_CACHE_FOLDER": f"{folder}/litdata",
            },
        )


if __name__ == "__main__":
    main()
