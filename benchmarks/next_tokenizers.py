"""The library's next major version, 1.x: its ids, its word starts, and its speed with our kernel.

    NEXT=/path/to/an/environment/with/tokenizers-1.0.0rc3,numpy,pyarrow/bin/python
    python -m benchmarks.next_tokenizers zoo --out build/zoo
    python -m benchmarks.next_tokenizers ids --out build/now FILES OPTIONS
    $NEXT  -m benchmarks.next_tokenizers ids --out build/next FILES OPTIONS
    python -m benchmarks.next_tokenizers compare build/now build/next FILES OPTIONS
    python -m benchmarks.next_tokenizers time --next $NEXT FILES --reviews train.parquet

FILES is ``--tokenizer tokenizer.json``, repeatable; OPTIONS are ``--texts``, ``--seed`` and
``--reviews``. 1.x has no ``word_ids``: ``NextEncoder`` finds word starts in the ids, and is a
sketch of what ``encoder.py`` becomes. Pieces of the library that 1.x lacks are not imported.
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
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

# Read when the library first encodes a batch.
os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

IS_NEXT = not hasattr(tokenizers, "pre_tokenizers")
if IS_NEXT:  # encoder.py imports it; what is used of it here is replaced by NextEncoder.
    sys.modules["tokenizers.pre_tokenizers"] = types.ModuleType("tokenizers.pre_tokenizers")

from tests.hostile_texts import random_texts
from transforms.functional.tokenization import review_tokenizer
from transforms.functional.tokenization.encoder import AddedToken
from transforms.functional.tokenization.new_pieces import WORDS_PER_TEXT, NewPieceEncoder
from transforms.functional.tokenization.text_arrays import as_large_string
from transforms.functional.tokens import BoolArray, Tokens, UInt32Array, offsets_of, word_starts_of

BATCH = 1000
PARTS = 2
SHOWN = 5
FAILED = np.array([0xFFFFFFFF], np.uint32)  # In place of the ids of a text that raises.
_GPT2_WORD = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?0+| ?[^\sA-Za-z0]+|\s+(?!\S)|\s+", re.ASCII
)
_WHITE_SPACE = "\t\n\x0b\x0c\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


class Classes(dict[int, str]):
    """Code point -> a character of ``_GPT2_WORD``'s class, one to one, for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        """Classify a character: letter, number, white space or other."""
        character = chr(code)
        kind = {"L": "z", "N": "0"}.get(unicodedata.category(character)[0], ".")
        if character in _WHITE_SPACE:
            kind = "\t"
        self[code] = character if character in " '" or (code < 128 and kind == "z") else kind
        return self[code]


class WordStarts:
    """Word starts from ids alone: by WordPiece's prefix, or by spelling byte-level tokens out."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Make the tables; ``kind`` is empty where ids do not tell."""
        model, pre_tokenizer = document["model"], document["pre_tokenizer"] or {}
        self.kind = model.get("type", "") if model.get("type") == "WordPiece" else ""
        if pre_tokenizer.get("type") == "ByteLevel" and pre_tokenizer.get("use_regex", True):
            self.kind = "ByteLevel"
        self._classes = Classes()
        if not self.kind:
            return
        added = {token["id"] for token in document["added_tokens"]}
        n_ids = max([*model["vocab"].values(), *added]) + 1
        self._continues = np.zeros(n_ids, np.bool_)
        self._spelled: list[bytes] = [b""] * n_ids  # Added tokens stay empty.
        # GPT-2 writes printable bytes as themselves and the others as U+0100 onwards.
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
        for token, token_id in model["vocab"].items():
            if self.kind == "WordPiece":
                self._continues[token_id] = token.startswith(model["continuing_subword_prefix"])
            elif token_id not in added:
                self._spelled[token_id] = bytes(byte_of[character] for character in token)

    def of(self, tokens: UInt32Array, offsets: Any) -> BoolArray:
        """Return (n_tokens,) bool for the ids of consecutive texts."""
        if self.kind == "WordPiece":
            return ~self._continues[tokens]
        flags: list[bool] = []
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            flags += self._byte_level([self._spelled[i] for i in tokens[start:end].tolist()])
        return np.array(flags, np.bool_)

    def _byte_level(self, spelled: list[bytes]) -> list[bool]:
        flags: list[bool] = []
        first = 0
        for stop in [i for i, token in enumerate(spelled) if not token] + [len(spelled)]:
            text = b"".join(spelled[first:stop]).decode(errors="replace")
            words, place, at = set(), 0, 0
            for match in _GPT2_WORD.finditer(text.translate(self._classes)):
                words.add(place)
                place += len(text[match.start() : match.end()].encode())
            for token in spelled[first:stop]:
                flags.append(at in words)
                at += len(token)
            flags += [True] * (stop < len(spelled))  # The added token itself.
            first = stop + 1
        return flags


class NextEncoder:
    """What the kernel asks of ``Encoder``, by what 1.x and the file itself offer."""

    def __init__(self, tokenizer_json: bytes | str) -> None:
        """Load the tokenizer without template, truncation and padding."""
        self.document: dict[str, Any] = json.loads(tokenizer_json)
        model = {k: v for k, v in self.document["model"].items() if k not in ("vocab", "merges")}
        self.config = {**self.document, "model": model}
        self.normalizer, self.model = self.document["normalizer"], model
        self.pre_tokenizer = self.document["pre_tokenizer"]
        if (self.pre_tokenizer or {}).get("type") == "ByteLevel":
            self.pre_tokenizer.setdefault("use_regex", True)  # The library's default.
        self.added_tokens = tuple(AddedToken(**token) for token in self.document["added_tokens"])
        self._tokenizer = load(self.document)

    @cached_property
    def starts(self) -> WordStarts:
        """Made when first asked for."""
        return WordStarts(self.document)

    def normalize(self, text: str) -> str:
        """Refuse: 1.x has no normalizer objects; only some added tokens and Metaspace ask."""
        raise NotImplementedError("tokenizers 1.x does not say what its normalizer makes of a text")

    def encode_plain(self, texts: pa.Array | Sequence[str]) -> Tokens:
        """Return ids, and word starts found in them."""
        ids, offsets = encode(self._tokenizer, as_large_string(texts).to_pylist())
        return Tokens(ids, self.starts.of(ids, offsets), offsets)

    def for_pieces(self, *, prefix_space: bool = True) -> NextEncoder:
        """Return this tokenizer without its added tokens, by way of another file."""
        if not prefix_space:
            raise NotImplementedError("a sketch: no add_prefix_space")
        return NextEncoder(json.dumps({**self.document, "added_tokens": []}))


class NextPieceEncoder(NewPieceEncoder):
    """New pieces by 1.x: clean words in lines, told apart by prefix or by the line ends."""

    def __init__(self, encoder: Any, rules: Any) -> None:
        """Load the tokenizer for pieces."""
        self._rules = rules
        self._pieces = encoder.for_pieces(prefix_space=not rules.prefix)
        self._line_end = encoder.document["model"]["vocab"].get("Ċ")

    def _encode_words(self, words: pa.LargeStringArray) -> Tokens:
        lines = [
            "\n".join(words[first : first + WORDS_PER_TEXT].to_pylist()) + "\n"
            for first in range(0, len(words), WORDS_PER_TEXT)
        ]
        ids, _ = encode(self._pieces._tokenizer, lines)  # type: ignore[attr-defined]
        if self._pieces.starts.kind == "WordPiece":  # type: ignore[attr-defined]
            numbers = np.cumsum(self._pieces.starts.of(ids, None)) - 1  # type: ignore[attr-defined]
        else:
            ends = ids == self._line_end
            ids, numbers = ids[~ends], np.cumsum(ends)[~ends]
        offsets = offsets_of(np.bincount(numbers, minlength=len(words)))
        starts = np.zeros(len(ids), np.bool_)
        starts[offsets[:-1]] = True
        return Tokens(ids, starts, offsets)


def load(document: dict[str, Any]) -> Any:
    """Return the library's tokenizer of a tokenizer.json, bare."""
    bare = {**document, "truncation": None, "padding": None, "post_processor": None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokenizer.json")
        path.write_text(json.dumps(bare), encoding="utf-8")
        return tokenizers.Tokenizer.from_file(str(path))


def encode(tokenizer: Any, texts: list[str]) -> tuple[UInt32Array, Any]:
    """Return the ids by 1.x and the offsets of the texts."""
    ids = [np.empty(0, np.uint32)]
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        ids += [e.ids_array for e in tokenizer.encode_batch(batch, add_special_tokens=False)]
    return np.concatenate(ids), offsets_of([len(each) for each in ids[1:]])
