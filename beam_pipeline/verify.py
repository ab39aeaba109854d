"""`python -m beam_pipeline.verify OUTPUT`: is every shard there, and what the manifest says?"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beam_pipeline.console import exit_code_of, run_program, say
from beam_pipeline.logs import set_up_logging
from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest, ShardEntry
from transforms.functional.dataset.receipts import FINGERPRINT
from transforms.functional.dataset.shards import content_sha256, read_shard
from transforms.functional.errors import LedgerError
from transforms.storage.generations import read_manifest
from transforms.storage.lease import lease


def main(arguments: Sequence[str]) -> int:
    """Check a dataset, say what is wrong with which file, and return 1 if anything is."""
    parser = argparse.ArgumentParser(
        prog="python -m beam_pipeline.verify", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("output", help="folder or URL of the dataset")
    parser.add_argument(
        "--repair", action="store_true", help="make damaged and missing shards again"
    )
    options = parser.parse_args(arguments)
    set_up_logging(debug=False)
    return exit_code_of(
        lambda: _verify(options.output, mend=options.repair),
        interrupted="the same command starts anew",
    )


def _verify(output: str, *, mend: bool) -> int:
    manifest = read_manifest(output)
    problems = _report(find_problems(output, manifest))
    if problems and mend:
        manifest, problems = _repair(output, manifest, problems)
    if problems:
        cure = "" if mend else "; --repair makes shards again from their inputs"
        say(f"{len(problems)} problems{cure}")
        return 1
    say(f"{output}: {len(manifest.shard_paths()):,} shards, all as the manifest says")
    return 0


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a file of a dataset.

    Attributes:
        path: The file, below the output.
        what: What is wrong.
        shard: Its entry, where it is a shard, which can be made again.
    """

    path: str
    what: str
    shard: ShardEntry | None = None


def _report(found: Iterator[Problem]) -> list[Problem]:
    problems = []
    for problem in found:
        say(f"{problem.path}: {problem.what}")
        problems.append(problem)
    return problems


def _repair(
    output: str, manifest: Manifest, problems: Sequence[Problem]
) -> tuple[Manifest, list[Problem]]:
    """Mend a dataset as it stands now, and return its manifest and what is wrong still."""
    # Imported here: a check alone needs no Beam.
    from beam_pipeline.output.repair import repair

    with lease(output) as held:
        now = read_manifest(output)
        if now != manifest:
            say("Another run has changed the dataset meanwhile; checking it anew.")
            problems = _report(find_problems(output, now))
        repair(held, now, [problem.shard for problem in problems if problem.shard])
        say("Made again; checking once more.")
        return now, _report(find_problems(output, now))


def find_problems(output: str, manifest: Manifest) -> Iterator[Problem]:
    """Yield everything that is not as the manifest says."""
    try:
        manifest.ledger.check()
    except LedgerError as error:
        yield Problem(path=MANIFEST_NAME, what=str(error))
    written = sum(map(manifest.tokens, manifest.subsets))
    if written != manifest.ledger.tokens.written:
        counted = manifest.ledger.tokens.written
        what = f"the ledger has {counted} tokens written, the shards have {written}"
        yield Problem(path=MANIFEST_NAME, what=what)
    tokenizer = storage.join(output, manifest.tokenizer.path)
    if _sha256(tokenizer) != manifest.tokenizer.sha256:
        what = "missing, or not the tokenizer that made the ids"
        yield Problem(path=manifest.tokenizer.path, what=what)
    for shard in manifest.shards():
        problem = shard_problem(output, manifest, shard)
        if problem:
            yield Problem(path=shard.path, what=problem, shard=shard)


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
    run_program(main)
