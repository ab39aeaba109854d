"""One job: plan, prepare the output, run, and say what came out."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Thread

from beam_pipeline.engines.engine import Engine, choose_engine
from beam_pipeline.engines.execution import run_pipeline
from beam_pipeline.engines.requirements import await_services, check_shuffle_room
from beam_pipeline.options.config import JobConfig
from beam_pipeline.options.config_file import config_text, read_contract
from beam_pipeline.output.finished import is_finished
from beam_pipeline.output.finishing import complete, is_complete
from beam_pipeline.output.output_folder import write_card
from beam_pipeline.output.overwriting import make_room
from beam_pipeline.plan.planning import Plan, make_plan
from beam_pipeline.plan.recipe import DatasetRecipe
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from beam_pipeline.report.write import load_page
from beam_pipeline.summary.record import Record, RunLog, record_made
from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.errors import OutputError
from transforms.functional.figures.contract import Contract
from transforms.storage.generations import current_manifest, find_manifest, read_manifest
from transforms.storage.lease import Lease, lease
from transforms.tokenization import MISMATCHES
from transforms.writing import KEPT_SHARDS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What came out of a job.

    Attributes:
        manifest: The dataset; None where there is none, as an appending job found no input yet.
        plan: What was read.
        seconds: How long the job took.
        engine: What it ran on.
        report: Where the report is, in words.
        record: The record of the run, where it made a generation.
    """

    manifest: Manifest | None
    plan: Plan
    seconds: float
    engine: str
    report: str = ""
    record: Record | None = None

    @property
    def was_there(self) -> bool:
        """True where the dataset was there already and nothing was done."""
        return self.record is None


def run_job(
    config: JobConfig, beam_arguments: Sequence[str], log: RunLog | None = None
) -> JobResult | None:
    """Make the dataset; None where the job is only written down, as a template or a jar.

    Args:
        log: Filled in while the run lasts.

    Raises:
        ReviewShardsError: see `transforms.functional.errors`; what was there is as it was then.
    """
    started = time.monotonic()
    contract = read_contract(config.expect)
    options = config_text(config, beam_arguments)
    # Workers have working folders of their own.
    config = replace(config, output=storage.absolute_path(config.output))
    tokenizer = load_tokenizer(config.tokenizer)
    there = None if config.overwrite else find_manifest(config.output)
    earlier = there if config.append else None
    recipe = DatasetRecipe(config=config, tokenizer=tokenizer, earlier=earlier)
    # What is wrong with the inputs is said before anything is written to the output.
    plan = make_plan(config, earlier)
    engine = choose_engine(
        beam_arguments,
        plan.splits.text_bytes,
        len(plan.splits),
        paths=() if config.shared_paths else (*config.input, config.output),
        debug=config.debug,
    )
    if config.order == "shuffled":
        check_shuffle_room(engine, plan.splits.text_bytes)
    log = log or RunLog(command="", output=config.output)
    log.engine = engine.name
    job = _Job(recipe, engine, contract, options, log, started)
    if there is not None and job.is_done(plan, there):
        job.complete_later(there)
        return job.result(there, plan)
    await_services(engine)
    with lease(config.output) as held:
        return job.run(plan, held)


@dataclass(frozen=True)
class _Job:
    """One run of the job, whatever its plan will be.

    Attributes:
        recipe: What to make.
        engine: Where it runs.
        contract: What is expected of the reviews.
        options: The options as text, for config.yaml.
        log: Gets what is known of the run.
        started: When it began, by the monotonic clock.
    """

    recipe: DatasetRecipe
    engine: Engine
    contract: Contract | None
    options: str
    log: RunLog
    started: float

    @property
    def is_written_down(self) -> bool:
        """True where the job becomes a template or a jar, and runs later."""
        return self.engine.writes_to is not None

    def is_done(self, plan: Plan, there: Manifest) -> bool:
        """Return True where nothing is to do; a job that is written down is written in any case."""
        return not self.is_written_down and is_finished(self.recipe, plan, there)

    def complete_later(self, there: Manifest) -> None:
        """Do what a run that died after its commit has left, where this may be written."""
        output = self.recipe.config.output
        if is_complete(output, there):
            return
        try:
            with lease(output):
                now = current_manifest(output)
                if now is not None:
                    complete(output, now, self.options)
        except OutputError as error:
            _log.warning(
                "the dataset is finished, but what an earlier run left undone stays so: %s", error
            )

    def run(self, plan: Plan, held: Lease) -> JobResult | None:
        """Make what is still to make now that no other run can."""
        config = self.recipe.config
        there = None if config.overwrite else current_manifest(config.output)
        if config.append and there != plan.earlier:  # Another run has ended meanwhile.
            job = replace(self, recipe=replace(self.recipe, earlier=there))
            return job.run(make_plan(config, there), held)
        if there is not None and self.is_done(plan, there):
            complete(config.output, there, self.options)
            return self.result(there, plan)
        if config.append and there is None and not plan.files:
            return self.result(None, plan)
        return self._make(make_room(config, self.recipe.tokenizer, plan), held)

    def _make(self, plan: Plan, held: Lease) -> JobResult | None:
        """Make the dataset, and say what it is."""
        output = self.recipe.config.output
        if not self.is_written_down:
            if plan.generation == 1:
                write_card(output, None)
            Thread(target=load_page, daemon=True).start()
        self.log.generation = plan.generation
        counters, self.log.stage_seconds = run_pipeline(
            self.recipe, plan, self.engine, held, self.contract
        )
        if self.is_written_down:
            return None
        self.log.n_kept, self.log.n_mismatches = counters[KEPT_SHARDS], counters[MISMATCHES]
        held.check()
        manifest = read_manifest(output)
        result = self.result(manifest, plan)
        record = record_made(self.log, "done", result.seconds, manifest, plan.earlier)
        return replace(result, record=record, report=complete(output, manifest, self.options))

    def result(self, manifest: Manifest | None, plan: Plan) -> JobResult:
        """Return what is known at the end."""
        seconds = time.monotonic() - self.started
        return JobResult(manifest=manifest, plan=plan, seconds=seconds, engine=self.engine.name)
