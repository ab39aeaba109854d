"""The raw baseline: `encode_batch_fast` alone, and with the ids written to a file."""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer


def main() -> None:
    """Encode all reviews; with --output, write the ids."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--output")
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(f"{options.tokenizer}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids: list[np.ndarray] = []
    for path in options.input:
        for batch in pq.ParquetFile(path).iter_batches(4096, columns=["text"]):
            encodings = tokenizer.encode_batch_fast(batch.column("text").to_pylist())
            ids.extend(np.asarray(encoding.ids, np.uint16) for encoding in encodings)
    if options.output:
        Path(options.output).parent.mkdir(parents=True, exist_ok=True)
        np.concatenate(ids).tofile(options.output)


if __name__ == "__main__":
    main()
