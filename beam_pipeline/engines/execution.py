"""Running a pipeline on its engine, from the first file in the output to the last counter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult

from beam_pipeline.engines.engine import Engine, counter_value
from beam_pipeline.engines.failures import error_of, has_hung_up
from beam_pipeline.engines.final_errors import stopping_at_final_errors
from beam_pipeline.engines.interrupts import run_to_the_end
from beam_pipeline.engines.stopping import stop_job
from beam_pipeline.graph.build import build
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
    files = write_plan(output, plan, lease.token)
    remove = partial(remove_plan, output, files)
    if engine.writes_to is not None:
        with cleaning_up_failures(remove):
            _run(recipe, plan, files, engine, None, contract, None)
        return {}, {}
    scratching = scratch_of(engine, recipe.config)
    with cleaning_up(remove), scratching as scratch:
        result = _run(recipe, plan, files, engine, lease, contract, scratch)
        counters = {name: counter_value(result, name) for name in (KEPT_SHARDS, MISMATCHES)}
        return counters, seconds_of_stages(result.metrics())


@contextmanager
def scratch_of(engine: Engine, config: JobConfig) -> Iterator[str | None]:
    """Make the folder where a shuffle of the local engine keeps the reviews; None for others."""
    if engine.local and config.order == "shuffled":
        with scratch_folder() as folder:
            yield folder
    else:
        yield None


def write_tokenizer(folder: str, tokenizer: TokenizerSource) -> None:
    """Write the tokenizer's files to a folder, for workers and for readers of the shards."""
    for name, data in tokenizer.files.items():
        storage.write_atomic(storage.join(folder, name), data)


def _run(
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    engine: Engine,
    lease: Lease | None,
    contract: Contract | None,
    scratch: str | None,
) -> PipelineResult:
    config = recipe.config
    pipeline = beam.Pipeline(runner=engine.runner, options=engine.options)
    build(
        pipeline,
        recipe,
        plan,
        files,
        contract=contract,
        lease=lease,
        threads=engine.threads,
        scratch=scratch,
        restarts=not engine.local,
    )
    monitor = partial(output_monitor, recipe, plan)
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
