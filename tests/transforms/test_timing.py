from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms import timing
from transforms.timing import seconds_of_stages, timed


class _Clock:
    """A clock that goes on only when somebody works."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    clock.counted = []
    distribution = SimpleNamespace(update=clock.counted.append)
    monkeypatch.setattr(timing, "time", clock)
    monkeypatch.setattr(timing.Metrics, "distribution", lambda namespace, name: distribution)
    return clock


def test_the_time_of_a_function_is_counted(clock):
    def double(number):
        clock.work(2)
        return 2 * number

    assert timed("double", double)(4) == 8
    assert clock.counted == [2_000_000]


def test_each_step_is_counted_and_what_is_done_with_it_is_not(clock):
    def steps(n):
        for i in range(n):
            clock.work(1)
            yield i

    for _ in timed("steps", steps)(3):
        clock.work(100)
    assert sum(clock.counted) == 3_000_000


def _double(number: int) -> int:
    return 2 * number


def _repeat(number: int, n: int):
    yield from [number] * n


def test_a_pipeline_sums_them_by_stage():
    pipeline = beam.Pipeline(runner=FnApiRunner())
    (
        pipeline
        | beam.Create([1, 2])
        | beam.FlatMap(timed("repeat", _repeat), n=3)
        | beam.Map(timed("double", _double))
    )
    result = pipeline.run()
    result.wait_until_finish()
    seconds = seconds_of_stages(result.metrics())
    assert set(seconds) == {"repeat", "double"}
    assert 0 < seconds["repeat"] + seconds["double"] < 60
