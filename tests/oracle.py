"""Hugging Face's own output, and the datasets that the job makes, side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from tests.jobs import REVIEWS, run
from tests.paths import SHARED_DATA
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.shards import content_sha256, read_shard, rows_table
from transforms.functional.rows.token_bits import word_ids_from_starts
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.reading import read_split
from transforms.rows import make_rows
from transforms.storage.generations import read_manifest
from transforms.tokenization import tokenize_part


def shared(path: str) -> Path:
    """Return a file or folder of the shared data; skip the test where it is not there."""
    found = SHARED_DATA / path
    if not found.exists():
        pytest.skip(f"needs ../shared/data/{path}, which is not part of the project")
    return found


# --- the reviews ---


@cache
def sample_reviews() -> tuple[tuple[str, int], ...]:
    """Return (text, label) of the sample's good reviews, by a plain loop over its lines.

    Labels are numbered in alphabetical order.
    """
    rows = []
    for line in REVIEWS.read_bytes().split(b"\n"):
        try:
            rows.append(json.loads(line.decode("utf-8")))
        except ValueError:  # The last line is empty, and one is not UTF-8.
            continue
    assert len(rows) == 277
    return tuple((row["text"], {"neg": 0, "pos": 1}[row["label"]]) for row in rows)


def write_two_files(folder: Path) -> Path:
    """Write the sample's good reviews to two files of a folder; the larger one is split."""
    lines = [
        json.dumps({"text": text, "label": label, "name": ("bad", "good")[label]}) + "\n"
        for text, label in sample_reviews()
    ]
    (folder / "a.jsonl").write_text("".join(lines[:60]))
    (folder / "b.jsonl").write_text("".join(lines[60:]))
    return folder


def sample_texts() -> list[str]:
    """Return the texts of the sample's good reviews."""
    return [text for text, _ in sample_reviews()]


# Each of them has broken some tokenizer or other.
HOSTILE_TEXTS = (
    "",
    " ",
    "\n\n",
    "a",
    "  two  spaces   and a tab\tand a\r\nline end  ",
    "[MASK] [CLS] [SEP] [PAD] [UNK] are literals, and so is[MASK]glued or [mask] small",
    "<s> </s> <pad> <unk> <mask> <|endoftext|> <extra_id_0> <0x0A>",
    "don't can't we'll I'D they'Re 's 'S",
    "naïve café Ångström Ǆ ﬁne ½ ﷺ",
    "日本語の映画、とても良い\uff01한국어 영화 Кино и немцы",
    "\U0001f600\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea",
    "soft\u00adhyphen zero\u200bwidth no\u00a0break \u2028line\u2029para",
    "\ufeffbom \u0000nul \u0085nel \u001b[0m \ufffd",
    "x" * 150 + " " + "ab" * 400,
    "<br /><br />It's 10/10!!! ...really???  -- 1,000,000.00$ @you #tag http://a.b/c?d=e&f",
    "e\u0301 combining vs \u00e9 composed, \u1e9e \u0130stanbul \u0131",
    "▁ lower one eighth block ▁▁ twice",
    "trailing space ",
)


@dataclass(frozen=True)
class Reviews:
    """A file of reviews, and what it holds."""

    path: Path
    texts: list[str]
    labels: list[int]


@cache
def imdb_sample() -> Reviews:
    """Return the shared 2,000 reviews; skip where they are not there."""
    path = shared("imdb/sample_2000.parquet")
    table = pq.read_table(path, columns=["text", "label"])
    return Reviews(path, table["text"].to_pylist(), table["label"].to_pylist())


def write_jsonl(path: Path, reviews: Sequence[tuple[str, int]]) -> Path:
    """Write reviews as JSON Lines."""
    lines = [json.dumps({"text": text, "label": label}) + "\n" for text, label in reviews]
    path.write_text("".join(lines), "utf-8")
    return path


# --- Hugging Face ---


def auto_tokenizer(folder: Path) -> Any:
    """Return Hugging Face's tokenizer of a folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def group_texts(examples: Mapping[str, list[list[Any]]], block_size: int) -> dict[str, list[Any]]:
    """Cut concatenated examples, in the form of Hugging Face's language modelling examples."""
    concatenated_examples = {k: list(chain(*examples[k])) for k in examples}
    total_length = len(concatenated_examples[next(iter(examples))])
    total_length = (total_length // block_size) * block_size
    return {
        k: [t[i : i + block_size] for i in range(0, total_length, block_size)]
        for k, t in concatenated_examples.items()
    }


def hugging_face_blocks(
    texts: Sequence[str], tokenizer: Any, block_size: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return (ids, word numbers) of the blocks that `group_texts` makes of texts in one batch."""
    if not texts:
        return [], []
    encoded = tokenizer(list(texts))
    words = [
        [None if word is None else (review, word) for word in encoded.word_ids(review)]
        for review in range(len(texts))
    ]
    blocks = group_texts({"input_ids": encoded["input_ids"], "words": words}, block_size)
    return blocks["input_ids"], [renumbered(block) for block in blocks["words"]]


def renumbered(words: Sequence[Any]) -> list[int]:
    """Return word ids counted from 0 in their order, None as -1."""
    numbers: list[int] = []
    count, previous = -1, None
    for word in words:
        count += word is not None and word != previous
        numbers.append(-1 if word is None else count)
        previous = word
    return numbers


# --- the job ---


@dataclass(frozen=True)
class Rows:
    """Rows as a shard holds them."""

    table: pa.Table
    template_ids: Sequence[int]

    def column(self, name: str) -> list[Any]:
        """Return a column as Python values."""
        values: list[Any] = self.table[name].to_pylist()
        return values

    def word_ids(self) -> list[list[int]]:
        """Return the word ids of each row, from the stored word starts."""
        outside = np.array(self.template_ids, np.uint32)
        return [
            word_ids_from_starts(
                np.array(ids, np.uint32), np.array(starts, np.bool_), outside
            ).tolist()
            for ids, starts in zip(
                self.column("input_ids"), self.column("word_starts"), strict=True
            )
        ]


def rows_of(reviews: Path, tokenizer: Path, **options: Any) -> Rows:
    """Return the rows of a file that is one part, by the job's own functions without Beam."""
    config = JobConfig(input=(str(reviews),), output="unused", tokenizer=str(tokenizer), **options)
    recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(config.tokenizer))
    plan = make_plan(config)
    (split,) = plan.splits
    (part,) = read_split(
        split, columns=plan.labels.columns, sample_by=config.sample_by, part_bytes=config.part_bytes
    )
    tokenizer_json = recipe.tokenizer.files["tokenizer.json"]
    packed = make_rows(tokenize_part(part, ReviewTokenizer(tokenizer_json)), recipe.layout)
    table = rows_table(
        packed.packed.rows,
        vocab_size=recipe.tokenizer.encoder.vocab_size,
        sources=packed.index.sources,
        records=packed.index.records,
        labels=packed.index.labels,
    )
    return Rows(table, recipe.tokenizer.entry().template_ids())


@dataclass(frozen=True)
class Dataset:
    """A dataset that the job has made."""

    folder: Path

    @cached_property
    def manifest(self) -> Manifest:
        """Its manifest."""
        return read_manifest(str(self.folder))

    def shards(self, subset: str = "train") -> Iterator[tuple[tuple[int, int], pa.Table]]:
        """Yield ((split, part), table) of each shard, in the manifest's order."""
        for shard in self.manifest.subsets[subset]:
            table = read_shard((self.folder / shard.path).read_bytes(), shard.format)
            yield (shard.split, shard.part), table

    def table(self, subset: str = "train") -> pa.Table:
        """Return all shards of a subset, one after the other."""
        return pa.concat_tables([table for _, table in self.shards(subset)])

    def column(self, name: str, subset: str = "train") -> list[Any]:
        """Return a column as Python values."""
        return self.rows(subset).column(name)

    def rows(self, subset: str = "train") -> Rows:
        """Return the rows of a subset."""
        return Rows(self.table(subset), self.manifest.tokenizer.template_ids())


def make(output: Path, *options: str | Path, **inputs: Path) -> Dataset:
    """Run the command line, which must succeed, and return the dataset."""
    assert run(output, *options, **inputs) == 0
    return Dataset(output)


def check_files(dataset: Dataset) -> None:
    """Check every number that the manifest says of its shards against the files themselves."""
    manifest = dataset.manifest
    listed = set()
    for subset, shards in manifest.subsets.items():
        for shard in shards:
            data = (dataset.folder / shard.path).read_bytes()
            listed.add(shard.path)
            assert shard.path.startswith(f"{subset}/")
            assert shard.bytes == len(data)
            assert shard.sha256 == hashlib.sha256(data).hexdigest()
            table = read_shard(data, shard.format)
            assert shard.content_sha256 == content_sha256(table)
            assert shard.rows == table.num_rows > 0
            assert shard.tokens == sum(map(sum, table["attention_mask"].to_pylist()))
            assert table.schema.metadata[b"review_shards.fingerprint"].decode() == (
                manifest.fingerprint
            )
    # Nothing lies there that the manifest does not know of.
    found = {
        path.relative_to(dataset.folder).as_posix()
        for subset in ("train", "validation")
        for path in (dataset.folder / subset).rglob("*")
        if path.is_file()
    }
    assert found == listed
    assert sum(shard.tokens for shards in manifest.subsets.values() for shard in shards) == (
        manifest.ledger.tokens.written
    )
    tokenizer = (dataset.folder / manifest.tokenizer.path).read_bytes()
    assert hashlib.sha256(tokenizer).hexdigest() == manifest.tokenizer.sha256
    manifest.ledger.check()


def as_int(masks: list[list[bool]]) -> list[list[int]]:
    """Return masks as Hugging Face has them."""
    return [[int(value) for value in mask] for mask in masks]
