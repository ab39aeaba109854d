"""Compare the fast path with the library on random hostile texts, for every family.

    python -m benchmarks.fuzz_tokenization --texts 1000000 --seed 1

Prints each family's count and mismatches, and exits with 1 when there is any.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tests import tokenizers_zoo
from tests.hostile_texts import random_texts
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.tokenization.text_arrays import as_large_string
from transforms.functional.tokenization.tokens import Tokens, tokens_from_lists

TEXTS_PER_PART = 2000


def library_tokens(tokenizer: Tokenizer, texts: list[str]) -> Tokens:
    """Return what ``Encoding.ids`` and ``Encoding.word_ids`` say, without the project's encoder."""
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    return tokens_from_lists((encoding.ids, encoding.word_ids) for encoding in encodings)


def fuzz(name: str, tokenizer_json: str, n_texts: int, seed: int) -> int:
    """Compare ``n_texts`` texts; print what differs; return how many do."""
    library = Tokenizer.from_str(tokenizer_json)
    library.no_truncation()
    library.no_padding()
    fast = ReviewTokenizer(tokenizer_json)
    literals = [token.content for token in fast.encoder.added_tokens]
    start = time.perf_counter()
    mismatches = n_tokens = 0
    for part, first in enumerate(range(0, n_texts, TEXTS_PER_PART)):
        texts = random_texts(
            seed * 1_000_003 + part, min(TEXTS_PER_PART, n_texts - first), literals
        )
        expected = library_tokens(library, texts)
        tokens = fast.encode(as_large_string(texts))
        n_tokens += expected.n_tokens
        if not tokens.equals(expected) or fast.mismatches:
            mismatches += report(texts, tokens, expected)
            fast = ReviewTokenizer(tokenizer_json)
    print(
        f"{name}: {n_texts:,} texts, {n_tokens:,} tokens, {mismatches} mismatches, "
        f"path {fast.path} ({fast.reason}), {fast.reviews_with_literals:,} with literals, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return mismatches


def report(texts: list[str], tokens: Tokens, expected: Tokens) -> int:
    """Print the texts whose tokens differ and return their number, at least 1."""
    count = 0
    for text, ours, theirs in zip(texts, tokens, expected, strict=True):
        if not all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            count += 1
            print(f"  mismatch: {text!r}\n    {ours[0].tolist()}\n    {theirs[0].tolist()}")
    return max(count, 1)


def families(paths: list[Path], charsmap: Path | None) -> dict[str, Callable[[], str]]:
    """Return name -> tokenizer JSON: the small ones of the tests and those of ``paths``."""
    made = {**tokenizers_zoo.FAST, **tokenizers_zoo.PLAIN}
    if charsmap is not None:
        data = charsmap.read_bytes()
        made["t5-charsmap"] = partial(tokenizers_zoo.unigram, charsmap=data, whitespace_split=True)
        made["xlm-r-charsmap"] = partial(tokenizers_zoo.xlm_r, data)
        made["albert-charsmap"] = partial(tokenizers_zoo.albert, data)
    for path in paths:
        made[f"{path.parent.name} (file)"] = partial(path.read_text, encoding="utf-8")
    return made


def main() -> int:
    """Fuzz; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000, help="texts over all families")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default="", help="comma-separated names; all by default")
    parser.add_argument(
        "--tokenizer", type=Path, action="append", default=[], help="a tokenizer.json, repeatable"
    )
    parser.add_argument("--charsmap", type=Path, help="a SentencePiece precompiled charsmap")
    options = parser.parse_args()
    chosen = families(options.tokenizer, options.charsmap)
    if options.families:
        unknown = set(options.families.split(",")) - set(chosen)
        if unknown:
            parser.error(f"unknown families {sorted(unknown)}; choose from {', '.join(chosen)}")
        chosen = {name: chosen[name] for name in options.families.split(",")}
    n_texts = -(-options.texts // len(chosen))
    mismatches = sum(
        fuzz(name, make(), n_texts, options.seed + number)
        for number, (name, make) in enumerate(chosen.items())
    )
    print(f"{n_texts * len(chosen):,} texts, {mismatches} mismatches")
    return 1 if mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
