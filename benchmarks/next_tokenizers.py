"""The library's next major version, 1.x: its ids, its word starts, its speed with our kernel.

    NEXT=python of an environment that holds tokenizers==1.0.0rc3, numpy and pyarrow
    FILES="--tokenizer zoo/*/tokenizer.json --texts 20000 --reviews train.parquet"
    python -m benchmarks.next_tokenizers zoo --out zoo
    python -m benchmarks.next_tokenizers ids $FILES --out now
    $NEXT -m benchmarks.next_tokenizers ids $FILES --out next
    python -m benchmarks.next_tokenizers compare $FILES --out now --next next
    python -m benchmarks.next_tokenizers time $FILES --next $NEXT

1.x has no ``word_ids``: ``WordStarts`` finds them in the ids. ``NextEncoder`` sketches ``Encoder``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import types
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

if IS_NEXT := not hasattr(tokenizers, "AddedToken"):  # encoder.py imports it.
    sys.modules["tokenizers.pre_tokenizers"] = types.ModuleType("tokenizers.pre_tokenizers")

from tests.hostile_texts import random_texts
from transforms.functional.tokenization import review_tokenizer
from transforms.functional.tokenization.pieces.new_pieces import NewPieceEncoder, clean_words
from transforms.functional.tokenization.text_arrays import as_large_string
from transforms.functional.tokenization.tokens import BoolArray, Tokens, tokens_from_lists

# GPT-2's words as kind_of writes them, with ! for an added token.
_WORD = re.compile(r"!|'(?:[stmd]|re|ve|ll)| ?[A-Za-z]+| ?0+| ?[^!\sA-Za-z0]+|\s+(?![^!\s])|\s+")


@cache
def kind_of(char: str) -> str:
    """Return one character for all of a kind; ASCII letters, space and apostrophe stay."""
    kind = {"L": "z", "N": "0"}.get(unicodedata.category(char)[0], "!" if char == "\udcff" else ".")
    if char.isspace() and not "\x1c" <= char <= "\x1f":  # Unicode's White_Space.
        kind = "\t"
    return char if char in " '" or (char < "\x80" and kind == "z") else kind


class WordStarts:
    """Word starts from ids alone: by WordPiece's prefix, or from the bytes of byte-level tokens."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Make the tables; ``kind`` is empty where ids do not tell."""
        model, pre = document["model"], document["pre_tokenizer"] or {}
        self.kind = min({"WordPiece", "ByteLevel"} & {model["type"], pre.get("type")}, default="")
        added = {token["id"] for token in document["added_tokens"]}
        vocabulary: dict[str, int] = model["vocab"] if self.kind else {}
        self._starts = np.ones(max([0, *vocabulary.values(), *added]) + 1, np.bool_)
        self._spelled = [b"\xff"] * len(self._starts)  # No text holds it: added tokens.
        # GPT-2 writes printable bytes as themselves and the others as U+0100 onwards.
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
        for token, token_id in vocabulary.items():
            if self.kind == "WordPiece":
                self._starts[token_id] = not token.startswith(model["continuing_subword_prefix"])
            elif token_id not in added:
                self._spelled[token_id] = bytes(byte_of[character] for character in token)

    def of(self, tokens: Tokens) -> BoolArray:
        """Return (n_tokens,) bool; none is True where ids do not tell."""
        if self.kind == "ByteLevel":
            return np.array([x for ids, _ in tokens for x in self._byte_level(ids.tolist())], bool)
        return self._starts[tokens.ids] if self.kind else np.zeros(tokens.n_tokens, np.bool_)

    def _byte_level(self, ids: list[int]) -> list[bool]:
        spelled = [self._spelled[token_id] for token_id in ids]
        text = b"".join(spelled).decode(errors="surrogateescape")
        words = _WORD.finditer("".join(map(kind_of, text)))
        sizes = (len(text[w.start() : w.end()].encode(errors="surrogateescape")) for w in words)
        places = {0, *accumulate(sizes)}
        ends = accumulate(map(len, spelled))
        return [end - len(token) in places for token, end in zip(spelled, ends, strict=True)]


class NextEncoder:
    """What the kernel asks of ``Encoder``, from 1.x and from the file itself."""

    def __init__(self, data: bytes | str) -> None:
        """Load a tokenizer.json without its template, truncation and padding."""
        document = json.loads(data) | dict.fromkeys(("truncation", "padding", "post_processor"))
        self.model = {k: v for k, v in document["model"].items() if k not in ("vocab", "merges")}
        self.normalizer, self.pre_tokenizer = document["normalizer"], document["pre_tokenizer"]
        self.document, self.config = document, {**document, "model": self.model}
        self.added_tokens = [types.SimpleNamespace(**token) for token in document["added_tokens"]]
        self.starts = WordStarts(document)
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_text(json.dumps(document), encoding="utf-8")
            self.tokenizer: Any = tokenizers.Tokenizer.from_file(file.name)

    def encodings(self, texts: list[str], size: int = 1000) -> Iterator[Any]:
        """Yield the library's encodings, whichever its version."""
        for i in range(0, len(texts), size):
            yield from self.tokenizer.encode_batch(texts[i : i + size], add_special_tokens=False)

    def encode_ids(self, texts: list[str]) -> Tokens:
        """Return ids and no word starts."""
        ids = [encoding.ids_array for encoding in self.encodings(texts)]
        flat = np.concatenate([np.empty(0, np.uint32), *ids])
        return Tokens(flat, np.zeros(len(flat), np.bool_), np.cumsum([0, *map(len, ids)]))

    def encode_plain(self, texts: Any) -> Tokens:
        """Return ids, and word starts found in them."""
        tokens = self.encode_ids(as_large_string(texts).to_pylist())
        return Tokens(tokens.ids, self.starts.of(tokens), tokens.offsets)


class NextPieceEncoder(NewPieceEncoder):
    """New pieces by 1.x, one by one; a clean word needs no look at its bytes."""

    def __init__(self, encoder: Any, rules: Any) -> None:
        """Load the tokenizer again, without its added tokens."""
        self._rules = rules
        self._next = NextEncoder(json.dumps({**encoder.document, "added_tokens": []}))

    def encode(self, pieces: pa.LargeBinaryArray) -> Tokens:
        """Return the tokens of ``pieces``, one review a piece."""
        pieces = as_large_string(pieces)
        tokens = self._next.encode_ids(pieces.to_pylist())
        clean = clean_words(pieces, self._rules)
        tokens.word_starts[tokens.offsets[:-1][clean]] = True
        others = self._next.encode_plain(pieces.filter(pa.array(~clean)))
        tokens.word_starts[np.repeat(~clean, tokens.lengths)] = others.word_starts
        return tokens


def texts_of(path: Path, options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the texts for one tokenizer: hostile ones with its added tokens, and reviews."""
    literals = [token["content"] for token in json.loads(path.read_bytes())["added_tokens"]]
    hostile = random_texts(sum(path.parent.name.encode()), options.texts, literals)
    reviews = [text for file in options.reviews for text in pq.read_table(file)["text"].to_pylist()]
    return {source: t for source, t in (("hostile", hostile), ("reviews", reviews)) if t}


def write_ids(path: Path, options: argparse.Namespace) -> None:
    """Save what this environment's library says of all texts."""
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        encoder = NextEncoder(path.read_bytes())
    except ValueError as error:
        print(f"{path.parent.name}: tokenizers {tokenizers.__version__} refuses it: {error}")
        return
    for source, texts in texts_of(path, options).items():
        words = ((e.ids, e.word_ids) for e in encoder.encodings(texts))
        tokens = encoder.encode_plain(texts) if IS_NEXT else tokens_from_lists(words)
        np.savez(options.out / f"{path.parent.name}-{source}.npz", **vars(tokens))


def compare(path: Path, options: argparse.Namespace) -> None:
    """Count texts with other ids, or the same ids and other word starts; show short ones."""
    for source, texts in texts_of(path, options).items():
        file = f"{path.parent.name}-{source}.npz"
        if not (options.next / file).exists():
            continue
        now, new = (Tokens(**np.load(folder / file)) for folder in (options.out, options.next))
        told = new.word_starts.any()
        found: dict[str, list[str]] = {"ids": [], "word starts" if told else "(not told)": []}
        for text, *both in zip(texts, now, new, strict=True):
            same = [np.array_equal(a, b) for a, b in zip(*both, strict=True)]
            if not same[0] or (told and not same[1]):
                found["word starts" if same[0] else "ids"].append(text)
        print(f"{file}: {len(texts):,} texts, {now.n_tokens:,} tokens")
        for kind, some in found.items():
            print(f"  {len(some):,} with other {kind}", *sorted(map(ascii, some), key=len)[:4])


def once(path: Path, options: argparse.Namespace) -> None:
    """Print as JSON the CPU seconds of each way on this environment's library."""
    pa.set_cpu_count(1)
    texts = texts_of(path, options)["reviews"]
    parts = [as_large_string(texts[first : first + 12500]) for first in range(0, len(texts), 12500)]
    ways: dict[str, Any] = {}
    if IS_NEXT:
        plain = NextEncoder(path.read_bytes())
        ways["ids alone, from lists of str"] = lambda: plain.encode_ids(texts)
        if plain.starts.kind == "WordPiece":
            ways["ids and word starts, from Arrow"] = lambda: [*map(plain.encode_plain, parts)]
        vars(review_tokenizer).update(Encoder=NextEncoder, NewPieceEncoder=NextPieceEncoder)
    fast = review_tokenizer.ReviewTokenizer(path.read_bytes())
    ways["kernel, cold"] = ways["kernel, warm"] = lambda: [*map(fast.encode, parts)]
    for way, encode in ways.items():
        start = time.process_time()
        encode()
        ways[way] = time.process_time() - start
    if fast.path != "fast":
        sys.exit(f"{path} takes the plain path: {fast.reason}")
    print(json.dumps({f"{tokenizers.__version__}: {way}": value for way, value in ways.items()}))


def measure(path: Path, options: argparse.Namespace) -> None:
    """Run ``once`` in both environments in turn and print medians."""
    runs: dict[str, list[float]] = {}
    for python in [sys.executable, options.next] * options.repetitions:
        command = [python, "-m", "benchmarks.next_tokenizers", "once", "--tokenizer", path]
        printed = subprocess.check_output([*command, "--reviews", *options.reviews])
        for way, seconds in json.loads(printed).items():
            runs.setdefault(way, []).append(seconds)
    print(f"\n| {path.parent.name} | CPU s: median (min to max) |\n| --- | --- |")
    for way, each in runs.items():
        print(f"| {way} | {median(each):.2f} ({min(each):.2f} to {max(each):.2f}) |")


def main() -> None:
    """Run one of the modes."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    modes = {"ids": write_ids, "compare": compare, "once": once, "time": measure}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["zoo", *modes])
    parser.add_argument("--tokenizer", type=Path, nargs="+", default=[])
    parser.add_argument("--reviews", type=Path, nargs="*", default=[], help="Parquet, column text")
    parser.add_argument("--texts", type=int, default=0, help="hostile texts for each tokenizer")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder to write; compare: the pinned ids")
    parser.add_argument("--next", type=Path, help="time: python with 1.x; compare: its ids")
    options = parser.parse_args()
    if options.mode == "zoo":
        from tests import tokenizers_zoo as zoo  # It needs what 1.x lacks.

        for name, make in {**zoo.FAST, **zoo.PLAIN}.items():
            folder = options.out / f"zoo-{name}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "tokenizer.json").write_text(make(), encoding="utf-8")
    for path in options.tokenizer:
        modes[options.mode](path, options)


if __name__ == "__main__":
    main()
