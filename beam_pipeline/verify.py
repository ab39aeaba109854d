"""`python -m beam_pipeline.verify OUTPUT`: is every shard there, and what the manifest says?"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence

from beam_pipeline.output_folder import read_manifest
from transforms import storage
from transforms.functional.errors import LedgerError, ReviewShardsError
from transforms.functional.manifest import Manifest, ShardEntry
from transforms.functional.receipts import FINGERPRINT
from transforms.functional.shards import content_sha256, read_shard


def main(arguments: Sequence[str]) -> int:
    """Check a dataset, say what is wrong with which file, and return 1 if anything is."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.verify", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    options = parser.parse_args(arguments)
    try:
        manifest = read_manifest(options.output)
        problems = 0
        for problem in find_problems(options.output, manifest):
            print(problem)
            problems += 1
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    n_shards = sum(1 for _ in manifest.shards())
    if problems:
        print(
            f"{problems} problems. Take the damaged files away together with manifest.json, and "
            f"run the job again: it keeps the others"
        )
        return 1
    print(f"{storage.mask_secrets(options.output)}: {n_shards:,} shards, all as the manifest says")
    return 0


def find_problems(output: str, manifest: Manifest) -> Iterator[str]:
    """Yield a line for everything that is not as the manifest says."""
    try:
        manifest.ledger.check()
    except LedgerError as error:
        yield f"manifest.json: {error}"
    written = sum(map(manifest.tokens, manifest.splits))
    if written != manifest.ledger.tokens.written:
        yield (
            f"manifest.json: the ledger has {manifest.ledger.tokens.written} tokens written, the "
            f"shards have {written}"
        )
    tokenizer = storage.join(output, manifest.tokenizer.path)
    if _sha256(tokenizer) != manifest.tokenizer.sha256:
        yield f"{manifest.tokenizer.path}: missing, or not the tokenizer that made the ids"
    for shard in manifest.shards():
        problem = shard_problem(output, manifest, shard)
        if problem:
            yield f"{shard.path}: {problem}"


def shard_problem(output: str, manifest: Manifest, shard: ShardEntry) -> str | None:
    """Return what is wrong with a shard, None when it is as the manifest says."""
    try:
        data = storage.read_bytes(storage.join(output, shard.path))
    except FileNotFoundError:
        return "missing"
    if len(data) != shard.bytes:
        return f"{len(data):,} bytes instead of {shard.bytes:,}"
    if hashlib.sha256(data).hexdigest() != shard.sha256:
        return "other bytes (sha256 differs)"
    table = read_shard(data, shard.format)
    if table.num_rows != shard.rows:
        return f"{table.num_rows:,} rows instead of {shard.rows:,}"
    if content_sha256(table) != shard.content_sha256:
        return "other values (content_sha256 differs)"
    metadata = table.schema.metadata or {}
    if metadata.get(FINGERPRINT.encode(), b"").decode() != manifest.fingerprint:
        return "made with other options (fingerprint differs)"
    return None


def _sha256(path: str) -> str | None:
    try:
        return hashlib.sha256(storage.read_bytes(path)).hexdigest()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
