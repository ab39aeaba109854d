"""The few lines that a person reads at the end of a job."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from beam_pipeline.job import JobResult
from beam_pipeline.options.config import JobConfig
from beam_pipeline.summary.lines import left_alone, subset_line
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.wording import NAMES_SHOWN, counted, cut_reviews, first_of


def summary(config: JobConfig, result: JobResult) -> str:
    """Return where the shards are, what they hold, the ledger, and how to look at them."""
    manifest = result.manifest
    if manifest is None:
        lines = [f"Nothing new: --input holds no file yet, and {config.output} no dataset"]
        lines += left_alone(result.plan)
        return storage.mask_secrets("\n".join(lines))
    if config.append and result.was_there:
        held = f"{counted(len(manifest.inputs), 'input file')} in "
        held += counted(len(manifest.generations), "generation")
        lines = [f"Nothing new: {config.output} is there already, with {held}"]
    else:
        lines = [*_figures(config, result, manifest), *_notes(config, result, manifest)]
    lines += _inputs(result, manifest)
    if result.report:
        # As the user wrote the path: the job has made it absolute.
        report = result.report.replace(storage.absolute_path(config.output), config.output, 1)
        lines.append(f"  report      {report}")
    lines.append(f"Look at them: {_inspect()} {config.output}")
    return storage.mask_secrets("\n".join(lines))


def _figures(config: JobConfig, result: JobResult, manifest: Manifest) -> list[str]:
    """Return where the shards are, what they hold, and the ledger."""
    reviews, tokens = manifest.ledger.reviews, manifest.ledger.tokens
    done = f"{result.seconds:.1f} s, {result.engine}"
    if result.was_there:
        done = "it was there already: nothing to do"
    return [
        f"Done: {config.output} ({done})",
        *(_generation(result, manifest) if len(manifest.generations) > 1 else []),
        *(f"  {subset_line(manifest, subset)}" for subset in manifest.subsets),
        f"  reviews     {reviews.read:,} read = {reviews.written:,} written + "
        f"{reviews.rejected:,} rejected + {reviews.dropped:,} dropped"
        + (f" + {reviews.duplicates:,} duplicates" if reviews.duplicates else "")
        + (f" + {reviews.excluded:,} excluded" if reviews.excluded else "")
        + (f" + {reviews.unlabelled:,} without a label" if reviews.unlabelled else "")
        + (f" ({reviews.truncated:,} {cut_reviews(config.task)})" if reviews.truncated else ""),
        f"  tokens      {tokens.tokenized:,} of text + {tokens.special:,} special"
        + (f" + {tokens.repeated:,} repeated" if tokens.repeated else "")
        + f" = {tokens.written:,} written + {tokens.dropped:,} dropped",
    ]


def _notes(config: JobConfig, result: JobResult, manifest: Manifest) -> list[str]:
    """Return what is worth to be known of the run besides its figures."""
    reviews, lines = manifest.ledger.reviews, []
    if reviews.html_stripped or reviews.normalized:
        lines.append(
            f"  cleaned     {counted(reviews.html_stripped, 'review')} held HTML, "
            f"{counted(reviews.normalized, 'review')} came in another Unicode form"
        )
    if reviews.rejected:
        lines.append(f"  rejected    {config.output}/rejected/ says which records, and why")
    run = result.record["run"] if result.record else {}
    if kept := run.get("kept_shards"):
        lines.append(f"  kept        {counted(kept, 'shard')} that an earlier run had finished")
    if mismatches := run.get("tokenizer_mismatches"):
        wrong = counted(mismatches, "sampled review")
        lines.append(
            f"  WARNING     fast tokenization was wrong for {wrong}; "
            f"their workers went on with the library's own, which is slower. Please report it, "
            f"with the tokenizer"
        )
    for broken in run.get("broken_expectations", ()):
        lines.append(f"  WARNING     unlike --expect: {broken}")
    if not any(map(manifest.rows, manifest.subsets)):
        why = "the inputs hold no review"
        if dropped := manifest.ledger.tokens.dropped:
            why = (
                f"{counted(dropped, 'token')} cannot fill a block of --max_length "
                f"{manifest.max_length}: --remainder pad --overwrite keeps what there is"
            )
        lines.append(f"  NOTE        no row was made: {why}")
    return lines


def _inputs(result: JobResult, manifest: Manifest) -> list[str]:
    """Return what became of input files that are not simply new: each kind by itself."""
    lines = []
    if changes := result.plan.changes:
        for name, paths, what in (
            ("changed", changes.changed, "since they were added; what was made of them stays"),
            ("vanished", changes.vanished, "since they were added; what was made of them stays"),
            ("left out", changes.left_out, "as before: still the same, and above the limit"),
        ):
            if paths:
                lines.append(
                    f"  {name:<11} {counted(len(paths), 'file')} {what}: {first_of(paths)}"
                )
    lines += left_alone(result.plan)
    return lines if result.was_there else [*lines, *_quarantined(manifest)]


def _quarantined(manifest: Manifest) -> list[str]:
    """Return a line for the files that this run left out, and one for each of the first."""
    first = len(manifest.inputs) - manifest.generations[-1].inputs
    bad = [file for file in manifest.quarantined if file.source >= first]
    if not bad:
        return []
    shown = [
        f"              {manifest.inputs[file.source].path}: {file.rejected:,} of {file.records:,} "
        f"records rejected, most for: {file.reason}"
        for file in bad[:NAMES_SHOWN]
    ]
    files = counted(len(bad), "file")
    return [f"  left out    {files}, whole, until --append finds the records corrected:", *shown]


def _inspect() -> str:
    """Return the command that shows rows, as one would type it here.

    `review-shards` also works in a folder whose files have the names of our modules.
    """
    program = "".join(sys.orig_argv[1:2])
    if Path(program).name == "review-shards":
        return f"{'review-shards' if shutil.which('review-shards') else program} inspect"
    path = os.path.relpath(sys.executable)
    return f"{sys.executable if path.startswith('..') else path} -m beam_pipeline.inspect"


def _generation(result: JobResult, manifest: Manifest) -> list[str]:
    """Return what this run added; the lines after it are of the whole dataset."""
    new = manifest.generations[-1].inputs
    lines = [
        f"  generation  {manifest.generation:,}, with {new:,} new of "
        f"{counted(len(manifest.inputs), 'input file')}"
    ]
    if result.record and "ledger" in result.record["run"]:
        reviews = result.record["run"]["ledger"]["reviews"]
        rows = sum(subset["rows"] for subset in result.record["run"]["subsets"].values())
        lines.append(
            f"  added       {counted(rows, 'row')} of {counted(reviews['written'], 'review')}, "
            f"{reviews['rejected']:,} rejected; the dataset has now:"
        )
    return lines
