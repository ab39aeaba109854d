"""`python -m beam_pipeline.inspect OUTPUT`: what a dataset is, and a row of it as text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from beam_pipeline.output_folder import read_manifest
from transforms import storage
from transforms.functional.errors import ReviewShardsError, UsageError
from transforms.functional.manifest import SUBSETS, Manifest, ShardEntry
from transforms.functional.shards import read_shard
from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.word_ids import word_ids_from_starts


def main(arguments: Sequence[str]) -> int:
    """Print what the arguments ask for, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.inspect", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    parser.add_argument("--row", type=int, default=0, help="row to show (default: %(default)s)")
    parser.add_argument("--subset", choices=SUBSETS, default="train")
    options = parser.parse_args(arguments)
    try:
        manifest = read_manifest(options.output)
        print(describe(manifest))
        if manifest.rows(options.subset):
            print(show_row(options.output, manifest, options.subset, options.row))
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def describe(manifest: Manifest) -> str:
    """Return what a dataset is, in a few lines."""
    tokenizer = manifest.tokenizer
    lines = [
        f"task        {manifest.task}, max_length {manifest.max_length}",
        f"tokenizer   {tokenizer.vocab_size:,} ids, sha256 {tokenizer.sha256[:16]}",
        *(
            f"{subset:<11} {manifest.rows(subset):,} rows, {manifest.tokens(subset):,} tokens, "
            f"{len(shards):,} shards"
            for subset, shards in manifest.splits.items()
        ),
        f"inputs      {len(manifest.inputs):,} files",
        f"content     sha256 {manifest.content_sha256()[:16]}",
    ]
    if manifest.label_numbers is not None:
        names = sorted(manifest.label_numbers.items(), key=lambda item: item[1])
        lines.append("labels      " + ", ".join(f"{number} {name}" for name, number in names))
    return "\n".join(lines)


def show_row(output: str, manifest: Manifest, subset: str, row: int) -> str:
    """Return where a row came from, and its tokens, words apart by blanks.

    Raises:
        UsageError: there is no such row.
    """
    entry, place = find_row(manifest, subset, row)
    data = storage.read_bytes(storage.join(output, entry.path))
    shard = read_shard(data, entry.format)
    line = shard.slice(place, 1).to_pylist()[0]
    encoder = Encoder(storage.read_bytes(storage.join(output, manifest.tokenizer.path)))
    source = manifest.inputs[line["source"]].path
    lines = [f"row {row:<7} {source}, record {line['record']}"]
    if isinstance(line.get("labels"), int):
        lines.append(f"label       {line['labels']}")
    lines.append(f"tokens      {_tokens(line, manifest, encoder)}")
    return "\n".join(lines)


def find_row(manifest: Manifest, subset: str, row: int) -> tuple[ShardEntry, int]:
    """Return the shard that holds a row, and the row's place in it."""
    before = 0
    for entry in manifest.splits.get(subset, ()):
        if 0 <= row - before < entry.rows:
            return entry, row - before
        before += entry.rows
    raise UsageError(f"--row must be from 0 to {before - 1} in {subset}, got {row}")


def _tokens(line: dict[str, list[int]], manifest: Manifest, encoder: Encoder) -> str:
    """Return the real tokens of a row; those of one word follow each other without a blank."""
    ids = np.asarray(line["input_ids"], np.uint32)
    starts = np.asarray(line["word_starts"], np.bool_)
    real = np.asarray(line["attention_mask"], np.bool_)
    template = np.asarray(manifest.tokenizer.template_ids(), np.uint32)
    words = word_ids_from_starts(ids, starts, template)
    text = ""
    for place in np.flatnonzero(real).tolist():
        token = encoder.id_to_token(int(ids[place])) or "?"
        inside = place > 0 and words[place] >= 0 and not starts[place]
        text += token.removeprefix("##") if inside else f" {token}"
    return text.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
