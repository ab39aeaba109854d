"""An engine that only writes jobs down, as Dataflow does with a template."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from apache_beam import Pipeline
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment


class _Written(PipelineResult):
    """What Dataflow returns for a template: no job, and so nothing to ask."""

    has_job = False

    def __init__(self) -> None:
        super().__init__(state=None)

    def wait_until_finish(self, duration: int | None = None) -> NoReturn:
        raise OSError("Failed to get the Dataflow job id.")

    def metrics(self) -> NoReturn:
        raise OSError("there is no job")


class TemplateRunner(PipelineRunner):
    """Write the graph of a pipeline to --template_location."""

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> PipelineResult:
        # What is written down runs in the process that reads it.
        environment = EmbeddedPythonEnvironment.default()
        graph = pipeline.to_runner_api(return_context=False, default_environment=environment)
        location = options.view_as(GoogleCloudOptions).template_location
        Path(location).write_bytes(graph.SerializeToString())
        return _Written()
