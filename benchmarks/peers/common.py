"""What the peers share: their command line, and the tokenizer as its file has it."""

import argparse

from tokenizers import Tokenizer

BLOCK = 512


def parse_options(description: str | None, *, must_write: bool = True) -> argparse.Namespace:
    """Return the options of a peer: `input`, `tokenizer`, `output` and `num_proc`.

    Args:
        description: What the peer does.
        must_write: False where it can also leave its output away.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--input", nargs="+", required=True, help="Parquet files with text")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--output", required=must_write)
    parser.add_argument("--num_proc", type=int, default=2)
    return parser.parse_args()


def load_tokenizer(folder: str) -> Tokenizer:
    """Return the library's tokenizer, without the truncation and padding saved with it."""
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
