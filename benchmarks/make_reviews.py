"""Make gigabytes of review text out of a few megabytes, with a vocabulary that keeps growing.

    python -m benchmarks.make_reviews --input imdb/*.parquet --output /data/reviews --gigabytes 10

Copies of one text would hold no new word, and flatter any tokenizer that remembers words. In real
text the number of different words grows as V = K * N**B (Heaps, 1978; B is 0.4 to 0.6 in English).
Each copy of the reviews gets as many invented words as that law asks for with B = 0.55: a word of
the review with letters put into its middle.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HEAPS_EXPONENT = 0.55
FILE_BYTES = 64 << 20
ROW_GROUP_ROWS = 5_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"[A-Za-z]{3,}")


def main() -> None:
    """Write Parquet files of about 64 MB of text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True, help="Parquet files with text")
    parser.add_argument("--output", required=True, help="folder to fill")
    parser.add_argument("--gigabytes", type=float, required=True, help="of text, 10**9 bytes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    texts = [text for path in options.input for text in read_texts(path)]
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    made: list[str] = []
    size = number = written = 0
    for text in invent(texts, options.seed):
        made.append(text)
        size += len(text.encode())
        if size >= FILE_BYTES or written + size >= options.gigabytes * 1e9:
            table = pa.table({"text": made})
            path = folder / f"reviews-{number:05d}.parquet"
            pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP_ROWS)
            written, number, made, size = written + size, number + 1, [], 0
        if written >= options.gigabytes * 1e9:
            break
    print(f"{number} files, {written / 1e9:.3f} GB of text in {folder}")


def read_texts(path: str) -> list[str]:
    """Return the text column of a Parquet file."""
    texts: list[str] = pq.read_table(path, columns=["text"]).column("text").to_pylist()
    return texts


def invent(texts: list[str], seed: int) -> Iterator[str]:
    """Yield the texts over and over, the first time as they are, then with invented words."""
    random = np.random.default_rng(seed)
    words = [len(_WORD.findall(text)) for text in texts]
    n_words = sum(words)
    n_known = len({word for text in texts for word in _WORD.findall(text)})
    yield from texts
    copy = 1
    while True:
        new = n_known * ((copy + 1) ** HEAPS_EXPONENT - copy**HEAPS_EXPONENT)
        counts = random.poisson(new / n_words * np.asarray(words))
        for text, count in zip(texts, counts.tolist(), strict=True):
            yield with_new_words(text, count, random)
        copy += 1


def with_new_words(text: str, count: int, random: np.random.Generator) -> str:
    """Return a text in which `count` words have four random letters in their middle."""
    for _ in range(count):
        found = _WORD.search(text, int(random.integers(len(text))))
        if found:
            middle = (found.start() + found.end()) // 2
            letters = "".join(_LETTERS[place] for place in random.integers(26, size=4))
            text = text[:middle] + letters + text[middle:]
    return text


if __name__ == "__main__":
    main()
