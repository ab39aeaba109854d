"""litdata's `optimize` with a token loader: ids in its own chunks, no words, no masks."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from common import BLOCK, load_tokenizer, parse_options
from litdata import TokensLoader, optimize


def tokens_of(item: tuple[str, int], tokenizer_folder: str) -> Iterator[torch.Tensor]:
    """Yield the ids of one row group's reviews."""
    path, group = item
    tokenizer = load_tokenizer(tokenizer_folder)
    texts = pq.ParquetFile(path).read_row_group(group, columns=["text"]).column("text")
    for encoding in tokenizer.encode_batch_fast(texts.to_pylist()):
        yield torch.from_numpy(np.asarray(encoding.ids, np.uint16))


def main() -> None:
    """Tokenize all row groups."""
    options = parse_options(__doc__)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    items: list[Any] = [
        (path, group)
        for path in options.input
        for group in range(pq.ParquetFile(path).num_row_groups)
    ]
    optimize(
        fn=partial(tokens_of, tokenizer_folder=options.tokenizer),
        inputs=items,
        output_dir=options.output,
        num_workers=options.num_proc,
        chunk_size=BLOCK * 8192,
        item_loader=TokensLoader(block_size=BLOCK),
    )


if __name__ == "__main__":
    main()
