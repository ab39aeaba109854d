"""OpenLineage events of a run: that it started, and how it ended.

They go where OpenLineage's own client is told to send them: `OPENLINEAGE_URL`, or the file that
`OPENLINEAGE_CONFIG` names.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import apache_beam as beam
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    error_message_run,
    output_statistics_output_dataset,
    processing_engine_run,
)
from openlineage.client.uuid import generate_new_uuid

from beam_pipeline.engines import interrupts
from beam_pipeline.options.config import JobConfig
from beam_pipeline.summary.record import Record, now, program_version
from transforms import storage
from transforms.functional.errors import UsageError

NAMESPACE = "review-shards"
PRODUCER = "review-shards"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lineage:
    """The events of one run.

    Attributes:
        client: Sends them.
        run_id: The run's number.
        config: The run's options.
    """

    client: OpenLineageClient
    run_id: str
    config: JobConfig

    @classmethod
    def start(cls, config: JobConfig) -> Lineage:
        """Say that a run starts.

        Raises:
            UsageError: nobody has said where events go.
        """
        try:
            client = OpenLineageClient()
        except Exception as error:  # The client's files and variables fail in many ways.
            raise UsageError(f"--lineage: OpenLineage's client is not set up: {error}") from error
        if client.transport.kind == "console":
            raise UsageError(
                "--lineage: OpenLineage's client is told no server: set OPENLINEAGE_URL, or name a "
                "file with its settings in OPENLINEAGE_CONFIG"
            )
        lineage = cls(client, str(generate_new_uuid()), config)
        lineage._emit(RunState.START, {}, {})
        return lineage

    def end(self, record: Record) -> None:
        """Say how the run ended, and what it made."""
        facets: dict[str, Any] = {}
        if record["engine"]:
            facets["processing_engine"] = processing_engine_run.ProcessingEngineRunFacet(
                version=beam.__version__,
                name=f"Apache Beam, {record['engine']}",
                openlineageAdapterVersion=program_version(),
            )
        state = RunState.COMPLETE
        if record["exit_code"]:
            interrupted = record["exit_code"] == interrupts.EXIT_CODE
            state = RunState.ABORT if interrupted else RunState.FAIL
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
                message=record["exit_reason"], programmingLanguage="Python"
            )
        self._emit(state, facets, _statistics(record["run"]))

    def _emit(
        self, state: RunState, run_facets: dict[str, Any], output_facets: dict[str, Any]
    ) -> None:
        """Send one event; a server that does not take it is named, and changes no result."""
        inputs = [InputDataset(*dataset_name(path)) for path in self.config.input]
        namespace, name = dataset_name(self.config.output)
        event = RunEvent(
            eventType=state,
            eventTime=now().isoformat(),
            run=Run(runId=self.run_id, facets=run_facets),
            job=Job(namespace=NAMESPACE, name=f"make {name}"),
            inputs=inputs,
            outputs=[OutputDataset(namespace, name, outputFacets=output_facets)],
            producer=PRODUCER,
        )
        try:
            self.client.emit(event)
        except Exception as error:  # Whatever its transport raises.
            reason = storage.mask_secrets(str(error)) or type(error).__name__
            _logger.warning(
                "OpenLineage's server did not take the event %s: %s", state.value, reason
            )


def dataset_name(path: str) -> tuple[str, str]:
    """Return how OpenLineage names what lies at a path or URL: its store, and its name there."""
    url = urlsplit(storage.mask_secrets(storage.absolute_path(path)))
    if not url.scheme or url.scheme == "file":
        return "file", url.path
    return f"{url.scheme}://{url.netloc}", url.path.lstrip("/") or "/"


def _statistics(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facet of what the run added; none where it added nothing."""
    subsets = run.get("subsets", {}).values()
    if not subsets:
        return {}
    rows, size, files = (
        sum(held[name] for held in subsets) for name in ("rows", "bytes", "shards")
    )
    facet = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=size, fileCount=files
    )
    return {"outputStatistics": facet}
