"""The graph of a job as an engine gets it: Beam's portable form, which every engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.portable_runner import PortableRunner

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import REVIEWS, arguments

_GROUP = common_urns.primitives.GROUP_BY_KEY.urn
_PARDO = common_urns.primitives.PAR_DO.urn
_RESHUFFLE = common_urns.composites.RESHUFFLE.urn


class KeepsGraph(PortableRunner):
    """An engine that runs nothing: it keeps the graph that it was given."""

    graphs: list[Any] = []  # noqa: RUF012 - one list for all, as Beam makes the runner

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> Any:
        self.graphs.append(pipeline)
        raise RuntimeError("kept")


def graph_of(output: Path, *more: str, reviews: Path = REVIEWS) -> Any:
    """Return the graph of a job; nothing is run."""
    KeepsGraph.graphs.clear()
    runner = f"{KeepsGraph.__module__}.{KeepsGraph.__name__}"
    code = main(
        [
            *arguments(output, *more, reviews=reviews),
            *("--runner", runner, "--environment_type", "LOOPBACK"),
        ]
    )
    assert code == 1
    (graph,) = KeepsGraph.graphs
    return graph


def crossings(graph: Any, *, grouped_only: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield `(step, coder)` for whatever an engine has to move between workers.

    That is what is shuffled or grouped, every side input, and the main input of a step with side
    inputs, with which engines start a new stage. What a shuffle is made of is left to the engine.

    Args:
        graph: The graph.
        grouped_only: Only what is grouped by key.
    """
    context = PipelineContext(graph.components)
    steps = graph.components.transforms.values()
    shuffles = tuple(f"{step.unique_name}/" for step in steps if step.spec.urn == _RESHUFFLE)
    moving = (_GROUP,) if grouped_only else (_GROUP, _RESHUFFLE)
    for step in steps:
        if step.unique_name.startswith(shuffles):
            continue
        moves = step.spec.urn in moving
        if step.spec.urn == _PARDO and not grouped_only:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
            moves = bool(payload.side_inputs)
        for name in step.inputs.values() if moves else ():
            coder = graph.components.pcollections[name].coder_id
            yield step.unique_name, context.coders.get_by_id(coder)


def functions_of(graph: Any) -> Iterator[tuple[str, bytes]]:
    """Yield `(step, pickle)` for each function in a graph."""
    for step in graph.components.transforms.values():
        if step.spec.urn == _PARDO:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
            if payload.do_fn.urn == python_urns.PICKLED_DOFN_INFO:
                yield step.unique_name, payload.do_fn.payload
