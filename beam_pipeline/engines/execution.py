"""Running a pipeline on its engine, from the first file in the output to the last counter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult

from beam_pipeline.engines.engine import Engine, counter_value
from beam_pipeline.engines.failures import error_of, has_hung_up
from beam_pipeline.engines.interrupts import run_to_the_end
from beam_pipeline.engines.stopping import stop_job, stopping_at_final_errors
from beam_pipeline.graph.build import JobGraph
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.plan_files import PlanFiles, remove_plan, write_plan
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import TokenizerSource
from beam_pipeline.progress.display import watching
from beam_pipeline.progress.monitor import output_monitor
from transforms import storage
from transforms.functional.cleanup import cleaning_up, cleaning_up_failures
from transforms.functional.figures.contract import Contract
from transforms.storage.lease import Lease
from transforms.storage.scratch import scratch_folder
from transforms.timing import seconds_of_stages
from transforms.tokenization import MISMATCHES
from transforms.writing import KEPT_SHARDS


def run_pipeline(
    recipe: DatasetRecipe,
    plan: Plan,
    engine: Engine,
    lease: Lease,
    contract: Contract | None = None,
) -> tuple[Mapping[str, int], Mapping[str, float]]:
    """Make the dataset that a plan describes; return the counters, and the seconds of each stage.

    A job that is only written down, as a template or a jar, has none; its plan stays for it.

    Raises:
        ReviewShardsError: the pipeline failed.
    """
    output = recipe.config.output
    write_tokenizer(storage.join(output, plan.tokenizer_folder), recipe.tokenizer)
    graph = JobGraph(
        recipe=recipe,
        plan=plan,
        files=write_plan(output, plan, lease.token),
        threads=engine.threads,
        contract=contract,
        restarts=not engine.local,
    )
    if engine.writes_to is not None:
        with cleaning_up_failures(partial(remove_plan, output, graph.files)):
            _run(graph, engine)
        return {}, {}
    with room_for(engine, recipe.config, graph.files) as scratch:
        result = _run(replace(graph, lease=lease, scratch=scratch), engine)
        counters = {name: counter_value(result, name) for name in (KEPT_SHARDS, MISMATCHES)}
        return counters, seconds_of_stages(result.metrics())


@contextmanager
def room_for(engine: Engine, config: JobConfig, files: PlanFiles) -> Iterator[str | None]:
    """Remove the plan's files after this block, and the scratch folder that it is given.

    A shuffle of the local engine keeps the reviews in that folder; it is None for others.
    """
    shuffles_here = engine.local and config.order == "shuffled"
    scratching = scratch_folder() if shuffles_here else nullcontext()
    with cleaning_up(partial(remove_plan, config.output, files)), scratching as scratch:
        yield scratch


def write_tokenizer(folder: str, tokenizer: TokenizerSource) -> None:
    """Write the tokenizer's files to a folder, for workers and for readers of the shards."""
    for name, data in tokenizer.files.items():
        storage.write_atomic(storage.join(folder, name), data)


def _run(graph: JobGraph, engine: Engine) -> PipelineResult:
    config = graph.recipe.config
    pipeline = beam.Pipeline(runner=engine.runner, options=engine.options)
    graph.add_to(pipeline)
    monitor = partial(output_monitor, graph.recipe, graph.plan)
    engine_there = "" if engine.local else engine.address
    # What is only written down makes no shards.
    quiet = config.quiet or engine.writes_to is not None
    with watching(config.output, monitor, quiet=quiet, engine=engine_there):
        return execute(pipeline, engine)


def execute(pipeline: beam.Pipeline, engine: Engine) -> PipelineResult:
    """Run a pipeline to its end.

    Raises:
        ReviewShardsError: it failed.
    """
    stop = partial(stop_job, engine)
    with stopping_at_final_errors(engine.cluster, engine.job_name) as final:
        try:
            return run_to_the_end(pipeline, local=engine.local, cancel=stop)
        except Exception as error:
            if final.error is not None:
                raise final.error from error
            failure = error_of(error, local=engine.local, engine=engine.address)
            left = stop() if has_hung_up(error) else ""
            raise type(failure)("; ".join(filter(None, [str(failure), left]))) from error
