"""Read hundreds of mutated files: `python -m tests.transforms.functional.readers.fuzz SEED`.

It runs in a process of its own, since what it looks for are crashes. It prints how many of the
files were read and how many refused.
"""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Iterator

import pyarrow as pa

from tests.transforms.functional.readers.files import arrow_file, arrow_stream, parquet_file
from tests.transforms.functional.readers.seen import read
from transforms.functional.errors import InputError
from transforms.functional.readers.columns import ReviewColumns

_COLUMNS = ReviewColumns(text="text", label="label", label_numbers={"neg": 0, "pos": 1})
_N_MUTATIONS = 100


def _tables() -> Iterator[pa.Table]:
    texts = ["a film", "été", None, "x" * 300] * 5
    labels = pa.array(["neg", "pos"] * 10)
    for kind in (pa.string(), pa.large_string(), pa.binary()):
        yield pa.table({"text": pa.array(texts, kind), "label": labels})
    yield pa.table({"text": pa.array(texts).dictionary_encode(), "label": labels})
    yield pa.table({"text": texts, "label": labels.dictionary_encode()})


def _files() -> Iterator[tuple[str, bytes]]:
    for table in _tables():
        yield "arrow", arrow_file(table, 7)
        yield "arrow", arrow_stream(table, 7)
        yield "parquet", parquet_file(table, compression="none")
        yield "parquet", parquet_file(table, row_group_size=7, use_dictionary=False)


def _mutated(data: bytes, random_: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 8))):
        place = random_.randrange(len(changed))
        width = random_.choice((1, 4, 8))
        value = random_.choice((0, 1, 255, 127, random_.randrange(256)))
        changed[place : place + width] = bytes([value]) * width
    return bytes(changed[: random_.choice((len(changed), len(changed), len(changed) // 2))])


def main(seed: int) -> None:
    # Whoever asks for more than this has been taken in by a file of a few kilobytes.
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    random_ = random.Random(seed)
    counts = {"read": 0, "refused": 0}
    for file_format, data in _files():
        for _ in range(_N_MUTATIONS // 4):
            mutated = _mutated(data, random_)
            try:
                chunks = read(mutated, file_format, _COLUMNS)
                counts["read"] += 1
            except InputError:
                counts["refused"] += 1
                continue
            for chunk in chunks:
                for item in chunk.rejected:
                    assert file_format == "parquet" or item.raw in mutated, "bytes of the heap"
    print(counts["read"], counts["refused"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
