"""The raw baseline: `encode_batch_fast` alone, and with the ids written to a file."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from common import load_tokenizer, parse_options


def main() -> None:
    """Encode all reviews; with --output, write the ids."""
    options = parse_options(__doc__, must_write=False)
    tokenizer = load_tokenizer(options.tokenizer)
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
