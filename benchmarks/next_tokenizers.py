"""The library's next major version, 1.x: its ids, its word starts, its speed with our kernel.

    NEXT=python of an environment that holds tokenizers==1.0.0rc3, numpy and pyarrow
    FILES="--tokenizer zoo/gpt2/tokenizer.json --texts 100000 --reviews train.parquet"
    python -m benchmarks.next_tokenizers zoo --out zoo
    python -m benchmarks.next_tokenizers ids $FILES --out now
    $NEXT  -m benchmarks.next_tokenizers ids $FILES --out next
    python -m benchmarks.next_tokenizers compare $FILES --out now --with next
    python -m benchmarks.next_tokenizers time $FILES --next $NEXT

1.x has no ``word_ids``: ``WordStarts`` finds word starts in the ids. ``NextEncoder`` is a sketch of
what ``encoder.py`` becomes; it loads other components by way of another ``tokenizer.json``.
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
import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}  # Read at first use.

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

if not hasattr(tokenizers, "AddedToken"):  # encoder.py imports it; NextEncoder uses it not.
    sys.modules["tokenizers.pre_tokenizers"] = types.ModuleType("tokenizers.pre_tokenizers")

from tests.hostile_texts import random_texts
from transforms.functional.tokenization import review_tokenizer
from transforms.functional.tokenization.encoder import AddedToken
from transforms.functional.tokenization.new_pieces import NewPieceEncoder, clean_words
from transforms.functional.tokenization.text_arrays import as_large_string
from transforms.functional.tokens import BoolArray, Tokens, concatenate, tokens_from_lists

IS_NEXT = not hasattr(tokenizers, "AddedToken")
BATCH = 1000
SHOWN = 4
# GPT-2's words, after Classes made every letter beyond ASCII a z, every number a 0.
_WORD = re.compile(r"'(?:[stmd]|re|ve|ll)| ?[A-Za-z]+| ?0+| ?[^\sA-Za-z0]+|\s+(?!\S)|\s+", re.ASCII)
_BLANKS = {*b"\t\n\v\f\r", 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
_BLANKS |= {*range(0x2000, 0x200B)}


class Classes(dict[int, str]):
    """Code point -> one character of its kind, for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        """Keep ASCII letters, space and apostrophe."""
        kind = {"L": "z", "N": "0"}.get(unicodedata.category(chr(code))[0], ".")
        kind = "\t" if code in _BLANKS else kind
        self[code] = chr(code) if code < 128 and (kind == "z" or chr(code) in " '") else kind
        return self[code]


class WordStarts:
    """Word starts from ids alone: by WordPiece's prefix, or from the bytes of byte-level tokens.

    Attributes:
        kind: ``"WordPiece"``, ``"ByteLevel"``, or empty where ids do not tell.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        """Make the tables."""
        model, pre_tokenizer = document["model"], document["pre_tokenizer"] or {}
        self.kind = model["type"] if model["type"] == "WordPiece" else ""
        if pre_tokenizer.get("type") == "ByteLevel" and pre_tokenizer.get("use_regex", True):
            self.kind = "ByteLevel"
        self._classes = Classes()
        added = {token["id"] for token in document["added_tokens"]}
        vocabulary: dict[str, int] = model["vocab"] if self.kind else {}
        self._starts = np.ones(max([0, *vocabulary.values(), *added]) + 1, np.bool_)
        self._spelled = [b""] * len(self._starts)  # Added tokens stay empty.
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
        if self.kind == "WordPiece":
            return self._starts[tokens.ids]
        if not self.kind:
            return np.zeros(tokens.n_tokens, np.bool_)
        flags = [f for ids, _ in tokens for f in self._byte_level(ids.tolist())]
        return np.array(flags, np.bool_)

    def _byte_level(self, ids: list[int]) -> list[bool]:
        spelled = [self._spelled[token_id] for token_id in ids]
        flags: list[bool] = []
        while len(flags) < len(spelled):
            start = len(flags)
            stop = next((i for i in range(start, len(ids)) if not spelled[i]), len(ids))
            text = b"".join(spelled[start:stop]).decode(errors="replace")
            places, place = set(), 0
            for match in _WORD.finditer(text.translate(self._classes)):
                places.add(place)
                place += len(text[match.start() : match.end()].encode())
            place = 0
            for token in spelled[start:stop]:
                flags.append(place in places)
                place += len(token)
            flags += [True] * (stop < len(ids))  # The added token itself.
        return flags


class NextEncoder:
    """What the kernel asks of ``Encoder``, from 1.x and from the file itself."""

    def __init__(self, tokenizer_json: bytes | str) -> None:
        """Load the tokenizer without template, truncation and padding."""
        document: dict[str, Any] = json.loads(tokenizer_json)
        self.document, self.config = document, {**document, "model": dict(document["model"])}
        self.model, self.normalizer = self.config["model"], document["normalizer"]
        self.pre_tokenizer = document["pre_tokenizer"]
        for name in ("vocab", "merges"):
            self.model.pop(name, None)
        self.added_tokens = [AddedToken(**token) for token in document["added_tokens"]]
        self.starts = WordStarts(document)
        bare = {**document, "truncation": None, "padding": None, "post_processor": None}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "tokenizer.json")
            path.write_text(json.dumps(bare), encoding="utf-8")
            self.tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))

    def encode_ids(self, texts: Sequence[str]) -> Tokens:
        """Return ids and no word starts."""
        parts = [Tokens(np.empty(0, np.uint32), np.empty(0, np.bool_), np.zeros(1, np.int64))]
        for first in range(0, len(texts), BATCH):
            batch = list(texts[first : first + BATCH])
            encodings = self.tokenizer.encode_batch(batch, add_special_tokens=False)
            ids = [encoding.ids_array for encoding in encodings]
            offsets = np.cumsum([0, *map(len, ids)])
            parts.append(Tokens(np.concatenate(ids), np.zeros(offsets[-1], np.bool_), offsets))
        return concatenate(parts)

    def encode_plain(self, texts: pa.Array | Sequence[str]) -> Tokens:
        """Return ids, and word starts found in them."""
        tokens = self.encode_ids(as_large_string(texts).to_pylist())
        return Tokens(tokens.ids, self.starts.of(tokens), tokens.offsets)

    def for_pieces(self, *, prefix_space: bool) -> NextEncoder:
        """Return this tokenizer without its added tokens."""
        if not prefix_space:
            raise NotImplementedError("add_prefix_space: 1.0.0rc3 refuses such files as well")
        return NextEncoder(json.dumps({**self.document, "added_tokens": []}))


class NextPieceEncoder(NewPieceEncoder):
    """New pieces by 1.x, one by one; a clean word needs no look at its bytes."""

    def __init__(self, encoder: Any, rules: Any) -> None:
        """Load the tokenizer for pieces."""
        self._rules = rules
        self._next = encoder.for_pieces(prefix_space=not rules.prefix)

    def encode(self, pieces: pa.LargeBinaryArray) -> Tokens:
        """Return the tokens of ``pieces``, one review a piece."""
        pieces = as_large_string(pieces)
        tokens: Tokens = self._next.encode_ids(pieces.to_pylist())
        clean = clean_words(pieces, self._rules)
        tokens.word_starts[tokens.offsets[:-1][clean]] = True
        others = self._next.encode_plain(pieces.filter(pa.array(~clean)))
        tokens.word_starts[np.repeat(~clean, tokens.lengths)] = others.word_starts
        return tokens


def library_tokens(path: Path, texts: list[str]) -> Tokens:
    """Return what the library of this environment says, with its word starts if it has some."""
    encoder = NextEncoder(path.read_bytes())
    if IS_NEXT:
        return encoder.encode_plain(texts)
    batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
    encode = partial(encoder.tokenizer.encode_batch, add_special_tokens=False)
    return tokens_from_lists((e.ids, e.word_ids) for batch in batches for e in encode(batch))


def texts_of(path: Path, options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the texts for one tokenizer: hostile ones with its added tokens, and reviews."""
    literals = [token["content"] for token in json.loads(path.read_bytes())["added_tokens"]]
    tables = [pq.read_table(file, columns=["text"]) for file in options.reviews]
    reviews = [text for table in tables for text in table["text"].to_pylist()]
    texts = {"hostile": random_texts(options.seed, options.texts, literals), "reviews": reviews}
    return {source: some for source, some in texts.items() if some}


def write_zoo(options: argparse.Namespace) -> None:
    """Save the tests' tokenizers, so that both versions read the same files."""
    from tests import tokenizers_zoo  # Needs what 1.x lacks.

    for name, make in {**tokenizers_zoo.FAST, **tokenizers_zoo.PLAIN}.items():
        path = options.out / name / "tokenizer.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


def write_ids(options: argparse.Namespace) -> None:
    """Save what this environment's library says of all texts."""
    options.out.mkdir(parents=True, exist_ok=True)
    for path in options.tokenizer:
        for source, texts in texts_of(path, options).items():
            try:
                tokens = library_tokens(path, texts)
            except ValueError as error:
                print(f"{path.parent.name}: {tokenizers.__version__} refuses it: {error}")
                break
            np.savez(options.out / f"{path.parent.name}-{source}.npz", **vars(tokens))


def compare(options: argparse.Namespace) -> None:
    """Count texts with other ids, and with the same ids but other word starts; show some."""
    print("| tokenizer, texts | texts | tokens | other ids | other word starts |")
    print("| --- | --: | --: | --: | --: |")
    shown = ""
    for path in options.tokenizer:
        for source, texts in texts_of(path, options).items():
            files = [folder / f"{path.parent.name}-{source}.npz" for folder in options.folders]
            if not all(file.exists() for file in files):
                continue
            now, new = (Tokens(**np.load(file)) for file in files)
            pairs = list(zip(texts, now, new, strict=True))
            ids = [row for row in pairs if not np.array_equal(row[1][0], row[2][0])]
            starts = [
                row for row in pairs if np.array_equal(row[1][0], row[2][0])
                and not np.array_equal(row[1][1], row[2][1])
            ]
