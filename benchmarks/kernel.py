"""The tokenizing kernel against the library, on one thread, with a cold cache.

    python -m benchmarks.kernel --reviews train.parquet test.parquet \\
        --tokenizer bert/tokenizer.json --tokenizer gpt2/tokenizer.json

Prints a Markdown table of medians in seconds of CPU, and where the kernel's time goes. Runs are
interleaved, so that a busy machine slows all alike. The kernel yields ids and word starts;
``encode_batch_fast`` yields ids alone (``encode_batch``, with words, is about as fast).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # Read when the library first encodes a batch.

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

from benchmarks.timing import machine
from transforms.functional.tokenization.pieces import fast_tokenization
from transforms.functional.tokenization.pieces.new_pieces import NewPieceEncoder
from transforms.functional.tokenization.pieces.piece_cache import PieceCache
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer

PART_BYTES = 32 << 20
LIBRARY_BATCH = 1000

STAGES = {
    "cutting": "passes over the bytes: bytes.translate, positions, a few of numpy",
    "dictionary": "one hash and compare a piece: 25 ns",
    "look-up": "one binary search a distinct piece of a part",
    "new words": "the library's model, or BPE's merges in numpy, once a distinct piece",
    "gather": "random reads of a table a few MB large: 10 ns a piece",
    "rest": "literals of added tokens, the sampled check, joining parts",
}


# The functions of each stage: their owner, and their name there.
FUNCTIONS: list[tuple[Any, str, str]] = [
    (fast_tokenization, "dictionary_of", "dictionary"),
    (PieceCache, "find", "look-up"),
    (PieceCache, "add", "look-up"),
    (NewPieceEncoder, "encode", "new words"),
    (fast_tokenization, "piece_table", "gather"),
    (fast_tokenization, "gather", "gather"),
    (fast_tokenization, "_unpacked", "gather"),
]


@contextmanager
def stage_clock() -> Iterator[dict[str, float]]:
    """Wrap the functions of the kernel's stages; give the CPU seconds of each."""
    seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)

    def timed(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            result = function(*args, **kwargs)
            seconds[stage] += time.process_time() - start
            return result

        return call

    def cut(*args: Any) -> Iterator[Any]:
        windows = windows_of(*args)
        return iter(timed(lambda: next(windows, None), "cutting"), None)

    windows_of = fast_tokenization.windows_of
    with ExitStack() as wrapped:
        wrapped.enter_context(patch.object(fast_tokenization, "windows_of", cut))
        for owner, name, stage in FUNCTIONS:
            wrap = timed(getattr(owner, name), stage)
            wrapped.enter_context(patch.object(owner, name, wrap))
        yield seconds


def read_parts(paths: list[Path]) -> list[pa.LargeStringArray]:
    """Return the reviews in parts of about ``PART_BYTES``."""
    chunks = [chunk for path in paths for chunk in pq.read_table(path)["text"].chunks]
    texts = pa.chunked_array(chunks).cast(pa.large_string()).combine_chunks()
    offsets = np.frombuffer(texts.buffers()[1], np.int64)
    n_parts = max(1, round(int(offsets[-1]) / PART_BYTES))
    edges = [len(texts) * part // n_parts for part in range(n_parts + 1)]
    return [texts.slice(a, b - a) for a, b in pairwise(edges)]


def seconds_of(function: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def measure(path: Path, parts: list[pa.LargeStringArray], repetitions: int) -> None:
    """Run library, cold and warm kernel in turn and print their rows."""
    tokenizer_json = path.read_bytes()
    library = tokenizers.Tokenizer.from_buffer(tokenizer_json)
    library.no_truncation()
    library.no_padding()
    texts = [text for part in parts for text in part.to_pylist()]
    times: dict[str, list[float]] = defaultdict(list)
    stages: dict[str, list[float]] = defaultdict(list)
    n_tokens = 0
    for _ in range(repetitions):
        times["library"].append(seconds_of(partial(encode_by_library, library, texts)))
        fast = ReviewTokenizer(tokenizer_json)
        if fast.path != "fast":
            sys.exit(f"{path} takes the plain path: {fast.reason}")
        with stage_clock() as taken:
            times["cold"].append(seconds_of(partial(encode_by_kernel, fast, parts)))
        taken["rest"] = times["cold"][-1] - sum(taken.values())
        for stage, seconds in taken.items():
            stages[stage].append(seconds)
        times["warm"].append(seconds_of(partial(encode_by_kernel, fast, parts)))
        n_tokens = encode_by_kernel(fast, parts)
    print_tables(path.parent.name, times, stages, n_tokens)


def encode_by_library(library: tokenizers.Tokenizer, texts: list[str]) -> None:
    """Encode all texts with ``encode_batch_fast`` and drop the result."""
    for first in range(0, len(texts), LIBRARY_BATCH):
        library.encode_batch_fast(texts[first : first + LIBRARY_BATCH], add_special_tokens=False)


def encode_by_kernel(fast: ReviewTokenizer, parts: list[pa.LargeStringArray]) -> int:
    """Encode all parts, ids and word starts, and return the number of tokens."""
    return sum(fast.encode(part).n_tokens for part in parts)


def print_tables(
    name: str, times: dict[str, list[float]], stages: dict[str, list[float]], n_tokens: int
) -> None:
    """Print the medians of one tokenizer."""
    library = median(times["library"])
    print(f"\n### {name}, {n_tokens / 1e6:.2f} M tokens\n")
    print("| what | seconds (median, min to max) | Mtok/s | times the library |")
    print("| --- | --- | --- | --- |")
    labels = {
        "library": f"`encode_batch_fast`, tokenizers {tokenizers.__version__}",
        "cold": "kernel, cold cache",
        "warm": "kernel, warm cache",
    }
    for key, label in labels.items():
        values = times[key]
        spread = f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        speed = n_tokens / median(values) / 1e6
        print(f"| {label} | {spread} | {speed:.2f} | {library / median(values):.1f} |")
    total = median(times["cold"])
    print("\n| stage, cold cache | seconds | share | what bounds it |\n| --- | --- | --- | --- |")
    for stage, bound in STAGES.items():
        seconds = median(stages[stage])
        print(f"| {stage} | {seconds:.2f} | {seconds / total:.0%} | {bound} |")


def main() -> None:
    """Measure each tokenizer on the reviews."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reviews", type=Path, nargs="+", required=True, help="Parquet files with a column text"
    )
    parser.add_argument(
        "--tokenizer",
        type=Path,
        action="append",
        required=True,
        help="a tokenizer.json, repeatable",
    )
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    parts = read_parts(options.reviews)
    n_bytes = sum(part.nbytes for part in parts)
    print(
        f"{machine(['numpy', 'pyarrow', 'tokenizers'])}; "
        f"{sum(map(len, parts)):,} reviews, {n_bytes / 1e6:.1f} MB, one thread, "
        f"{options.repetitions} repetitions, CPU seconds"
    )
    for path in options.tokenizer:
        measure(path, parts, options.repetitions)


if __name__ == "__main__":
    main()
