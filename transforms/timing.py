"""Time per stage, summed over workers: for people to read, never for what is written."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.metrics.metric import MetricResults
from apache_beam.metrics.metricbase import Distribution

NAMESPACE = "review_shards"
_SUFFIX = "-microseconds"

_Function = TypeVar("_Function", bound=Callable[..., Any])


def stage_seconds(stage: str) -> Callable[[float], None]:
    """Return a function that counts seconds of a stage."""
    return functools.partial(_count, Metrics.distribution(NAMESPACE, stage + _SUFFIX))


def _count(taken: Distribution, seconds: float) -> None:
    taken.update(round(seconds * 1e6))


def timed(stage: str, function: _Function) -> _Function:
    """Return a function that also counts how long it takes; where it yields, how long each step.

    Args:
        function: What `beam.Map` or `beam.FlatMap` takes.
    """
    seconds = stage_seconds(stage)

    def count(started: float) -> None:
        seconds(time.perf_counter() - started)

    def steps(iterator: Iterator[Any]) -> Iterator[Any]:
        # What is done with an element between two steps is no time of this stage.
        while True:
            started = time.perf_counter()
            try:
                element = next(iterator)
            except StopIteration:
                return
            finally:
                count(started)
            yield element

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        result = function(*args, **kwargs)
        count(started)
        return steps(result) if isinstance(result, Iterator) else result

    return call  # type: ignore[return-value]


def seconds_of_stages(metrics: MetricResults) -> dict[str, float]:
    """Return the seconds of each stage, summed over workers; a retry counts twice."""
    found = metrics.query(MetricsFilter().with_namespace(NAMESPACE))["distributions"]
    seconds: dict[str, float] = {}
    for metric in found:
        stage = metric.key.metric.name.removesuffix(_SUFFIX)
        seconds[stage] = seconds.get(stage, 0.0) + metric.result.sum / 1e6
    return seconds
