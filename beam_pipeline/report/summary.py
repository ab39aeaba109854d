"""The few lines that a person reads at the end of a job."""

from __future__ import annotations

import os
import sys

from beam_pipeline.job import JobResult
from beam_pipeline.options.config import JobConfig
from transforms import storage
from transforms.functional.dataset.manifest import Manifest


def summary(config: JobConfig, result: JobResult) -> str:
    """Return where the shards are, what they hold, the ledger, and how to look at them."""
    manifest = result.manifest
    ledger = manifest.ledger
    reviews, tokens = ledger.reviews, ledger.tokens
    done = f"{result.seconds:.1f} s, {result.engine}"
    if result.was_there:
        done = "it was there already: nothing to do"
    lines = [
        f"Done: {config.output} ({done})",
        *([_generation(manifest)] if len(manifest.generations) > 1 else []),
        *(f"  {_subset(manifest, subset)}" for subset in manifest.subsets),
        f"  reviews     {reviews.read:,} read = {reviews.written:,} written + "
        f"{reviews.rejected:,} rejected + {reviews.dropped:,} dropped"
        + (f" + {reviews.duplicates:,} duplicates" if reviews.duplicates else "")
        + (f" + {reviews.excluded:,} excluded" if reviews.excluded else "")
        + (f" ({reviews.truncated:,} truncated)" if reviews.truncated else ""),
        f"  tokens      {tokens.tokenized:,} of text + {tokens.special:,} special"
        + (f" + {tokens.repeated:,} repeated" if tokens.repeated else "")
        + f" = {tokens.written:,} written + {tokens.dropped:,} dropped",
    ]
    if reviews.html_stripped or reviews.normalized:
        lines.append(
            f"  cleaned     {reviews.html_stripped:,} reviews held HTML, "
            f"{reviews.normalized:,} were normalized"
        )
    if reviews.rejected:
        lines.append(f"  rejected    {config.output}/rejected/ says which records, and why")
    if result.n_kept:
        lines.append(f"  kept        {result.n_kept:,} shards that an earlier run had finished")
    if result.n_mismatches:
        lines.append(
            f"  WARNING     fast tokenization was wrong for {result.n_mismatches:,} sampled "
            f"reviews; their workers went on with the library's own, which is slower. Please "
            f"report it, with the tokenizer"
        )
    if result.ignored:
        lines.append(f"  ignored     {result.ignored:,} files that lie in no class folder")
    if not any(map(manifest.rows, manifest.subsets)):
        lines.append(f"  NOTE        no row was made: {_why_no_row(manifest)}")
    if result.report:
        lines.append(f"  report      {result.report}")
    lines.append(f"Look at them: {_python()} -m beam_pipeline.inspect {config.output}")
    return storage.mask_secrets("\n".join(lines))


def _why_no_row(manifest: Manifest) -> str:
    dropped = manifest.ledger.tokens.dropped
    if not dropped:
        return "the inputs hold no review"
    return (
        f"{dropped:,} tokens fill no block of --max_length {manifest.max_length}: --remainder pad "
        f"--overwrite keeps them"
    )


def _python() -> str:
    """Return this interpreter as one would type it here."""
    path = os.path.relpath(sys.executable)
    return sys.executable if path.startswith("..") else path


def _generation(manifest: Manifest) -> str:
    added = manifest.generations[-1].inputs
    return (
        f"  generation  {len(manifest.generations):,}, with {added:,} new of "
        f"{len(manifest.inputs):,} input files"
    )


def _subset(manifest: Manifest, subset: str) -> str:
    shards = manifest.subsets[subset]
    size = shards.total("bytes")
    return (
        f"{subset:<11} {manifest.rows(subset):,} rows, {manifest.tokens(subset):,} tokens, "
        f"{len(shards):,} {'shard' if len(shards) == 1 else 'shards'}, {size / 1e6:,.1f} MB"
    )
