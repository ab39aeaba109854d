"""One job: plan, prepare the output, run, and say what came out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beam_pipeline.engines.engine import Engine, check_shuffle_memory, choose_engine
from beam_pipeline.engines.execution import run_pipeline
from beam_pipeline.options.config import JobConfig
from beam_pipeline.options.config_file import config_text
from beam_pipeline.output.dataset_card import write_card
from beam_pipeline.output.finished import is_finished
from beam_pipeline.output.output_folder import (
    CONFIG_NAME,
    remove_dataset,
    remove_rejected,
    remove_unnamed,
)
from beam_pipeline.plan.changed_inputs import InputChanges
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from beam_pipeline.report.document import Run
from beam_pipeline.report.write import write_report
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.storage.generations import current_manifest, find_manifest, read_manifest
from transforms.storage.lease import lease
from transforms.tokenization import MISMATCHES
from transforms.writing import KEPT_SHARDS


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a job left behind.

    Attributes:
        manifest: The dataset; None where there is none, as an appending job found no input yet.
        seconds: How long the job took.
        engine: What it ran on.
        was_there: True where the dataset was there already and nothing was done.
        n_kept: Shards of an earlier, unfinished run that were kept.
        n_mismatches: Sampled reviews for which fast tokenization was wrong; their workers changed
            to the library's own.
        ignored: Files that lie in no class folder.
        changes: What became of the inputs that an appending job found there.
        report: Where the report is, in words.
    """

    manifest: Manifest | None
    seconds: float
    engine: str
    was_there: bool
    n_kept: int
    n_mismatches: int
    ignored: int
    changes: InputChanges | None = None
    report: str = ""


def run_job(config: JobConfig, beam_arguments: Sequence[str]) -> JobResult | None:
    """Make the dataset; None where the job is only written down, as a template or a jar.

    Args:
        config: The job's options.
        beam_arguments: Beam's options, as on the command line.

    Raises:
        ReviewShardsError: see `transforms.functional.errors`; no manifest is left then.
    """
    started = time.monotonic()
    recipe = DatasetRecipe(config=config, tokenizer=load_tokenizer(config.tokenizer))
    # What is wrong with the inputs is said before anything is written to the output.
    plan = make_plan(config, find_manifest(config.output) if config.append else None)
    engine = choose_engine(
        beam_arguments,
        plan.text_bytes,
        len(plan.splits),
        paths=[*config.input, config.output],
        debug=config.debug,
    )
    if engine.local and config.order == "shuffled":
        check_shuffle_memory(plan.text_bytes)
    with lease(config.output) as held:
        there = None if config.overwrite else current_manifest(config.output)
        if config.append and there != plan.earlier:  # Another run has ended meanwhile.
            plan = make_plan(config, there)
        draft = recipe.manifest_draft(plan)
        written_down = engine.writes_to is not None
        if there is not None and not written_down and is_finished(config, plan, draft, there):
            return _result(there, engine, plan, started, was_there=True)
        if config.append and there is None and not plan.files:
            return _result(None, engine, plan, started, was_there=True)
        _make_room(config, plan)
        counters, stages = run_pipeline(recipe, plan, engine, held)
        if written_down:
            return None
        manifest = read_manifest(config.output)
        remove_unnamed(config.output, manifest)
        write_card(config.output, manifest)
        result = _result(manifest, engine, plan, started, counters)
        run = Run(seconds=result.seconds, engine=engine.name, stage_seconds=stages)
        result = replace(result, report=write_report(config.output, run))
        text = config_text(config, beam_arguments)
        storage.write_atomic(storage.join(config.output, CONFIG_NAME), text.encode())
        return result


def _make_room(config: JobConfig, plan: Plan) -> None:
    """Remove what may not stay; finished shards of an unfinished run do."""
    if config.overwrite:
        remove_dataset(config.output)
    else:
        # Rejected records are written as they are read.
        remove_rejected(config.output, plan.generation)


def _result(
    manifest: Manifest | None,
    engine: Engine,
    plan: Plan,
    started: float,
    counters: Mapping[str, int] | None = None,
    *,
    was_there: bool = False,
) -> JobResult:
    counters = counters or {}
    return JobResult(
        manifest=manifest,
        seconds=time.monotonic() - started,
        engine=engine.name,
        was_there=was_there,
        n_kept=counters.get(KEPT_SHARDS, 0),
        n_mismatches=counters.get(MISMATCHES, 0),
        ignored=len(plan.ignored),
        changes=plan.changes,
    )
