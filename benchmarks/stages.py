"""Where the CPU seconds of a job go: each stage of each part on one thread, then a whole job.

    python -m benchmarks.stages --input reviews/*.parquet --tokenizer distilbert-base-uncased

The stages are the job's own functions, called one after the other without Beam. What the whole
job, in one process, takes more is its start (a job over a single review tells it), and Beam.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.timing import job_command, job_options, machine, run_process
from transforms.functional.dataset.receipts import receipt_metadata
from transforms.functional.dataset.shards import content_sha256, rows_table, shard_bytes
from transforms.functional.elements import TokenizedPart
from transforms.functional.figures.review_statistics import measure
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.cleaning import Cleaning, clean_part
from transforms.functional.reviews.splits import Split
from transforms.functional.rows.layout import Template
from transforms.functional.rows.packing import BlockLayout
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.reading import read_split
from transforms.rows import make_rows
from transforms.storage import write_atomic
from transforms.tokenization import shared_tokenizer, tokenize_part

PART_BYTES = 32 << 20


class Stages:
    """CPU seconds of this thread by stage."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what a block takes."""
        started = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - started


def main() -> None:
    """Measure, and print a table."""
    options = job_options(__doc__).parse_args()
    stages = Stages()
    tokenizer = shared_tokenizer(f"{options.tokenizer}/tokenizer.json")
    with tempfile.TemporaryDirectory() as folder:
        n_bytes = sum(
            through_stages(path, number, tokenizer, folder, stages)
            for number, path in enumerate(options.input)
        )
        whole = job_cpu(options.input, options.tokenizer, f"{folder}/whole")
        one = Path(folder, "one.jsonl")
        one.write_text(json.dumps({"text": "A film."}) + "\n")
        start = job_cpu([str(one)], options.tokenizer, f"{folder}/one")
    stages.seconds["start of the process, the end of the job"] = start
    rest = whole - sum(
        seconds for name, seconds in stages.seconds.items() if not name.startswith("(")
    )
    stages.seconds["Beam, and threads that wait for each other"] = rest
    print(machine(["apache-beam", "pyarrow", "tokenizers", "numpy"]) + "\n")
    print(table(stages.seconds, n_bytes / 1e9, whole))


def through_stages(
    path: str, number: int, tokenizer: ReviewTokenizer, folder: str, stages: Stages
) -> int:
    """Take the parts of a file through all stages; return the bytes of their text."""
    split = Split(number=number, files=(FileRange(source=number, path=path, format="parquet"),))
    columns = ReviewColumns(text="text")
    parts = read_split(split, columns=columns, sample_by="line", part_bytes=PART_BYTES)
    encoder = tokenizer.encoder
    layout = BlockLayout(
        max_length=512, template=Template(prefix=encoder.prefix, suffix=encoder.suffix)
    )
    n_bytes = 0
    while True:
        with stages.stage("read and decompress"):
            part = next(parts, None)
        if part is None:
            return n_bytes
        with stages.stage("(clean: HTML and NFC, only where asked for)"):
            clean_part(part, Cleaning(strip_html=True, normalize="nfc"))
        with stages.stage("hash of the part"):
            _ = part.digest
        with stages.stage("tokenize"):
            tokenized = tokenize_part(part, tokenizer)
        n_bytes += through_rows(tokenized, layout, encoder.vocab_size, folder, stages)


def through_rows(
    part: TokenizedPart, layout: BlockLayout, vocab_size: int, folder: str, stages: Stages
) -> int:
    """Take a tokenized part to its shard; return the bytes of its text."""
    with stages.stage("statistics"):
        statistics = measure(part, vocab_size=vocab_size)
    with stages.stage("rows"):
        packed = make_rows(part, layout)
        table = rows_table(
            packed.packed.rows,
            vocab_size=vocab_size,
            sources=part.index.sources,
            records=part.index.records,
        )
    with stages.stage("hashes of the shard"):
        content = content_sha256(table)
    with stages.stage("write, with fsync"):
        data = shard_bytes(table, "arrow", receipt_metadata(packed, content))
        write_atomic(f"{folder}/{part.key}.arrow", data)
    with stages.stage("hashes of the shard"):
        hashlib.sha256(data).hexdigest()
    return statistics.text_bytes


def job_cpu(inputs: list[str], tokenizer: str, output: str) -> float:
    """Return the CPU seconds of a job in one process."""
    one = ("--quiet", "--direct_num_workers", "1")
    return run_process(job_command(inputs, tokenizer, output, *one)).cpu


def table(seconds: dict[str, float], gigabytes: float, whole: float) -> str:
    """Return the seconds a GB of text, and the share of the whole job, as Markdown."""
    lines = ["| stage | CPU s a GB | share |", "| --- | --: | --: |"]
    for name, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        lines.append(f"| {name} | {taken / gigabytes:.2f} | {taken / whole:.1%} |")
    lines.append(
        f"| the whole job, {gigabytes:.2f} GB in one process | {whole / gigabytes:.2f} | |"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
