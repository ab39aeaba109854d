"""Work in the background: every element once, one at a time, and no failure lost."""

import threading
import time
from functools import partial

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from transforms.background import MapInBackground
from transforms.timing import seconds_of_stages


def _double(number: int, *, add: int = 0) -> int:
    return 2 * number + add


def _double_slowly(number: int) -> int:
    time.sleep(0.01)
    return 2 * number


def _fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is not written")
    return number


@pytest.mark.parametrize("n", [0, 1, 7])
def test_every_element_has_its_result(n: int) -> None:
    double = partial(_double, add=1)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        made = (
            pipeline
            | beam.Create(range(n))
            | beam.ParDo(MapInBackground("double", double)).with_output_types(int)
        )
        assert_that(made, equal_to([2 * number + 1 for number in range(n)]))


def test_its_seconds_are_counted() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create(range(5)) | beam.ParDo(MapInBackground("slow", _double_slowly))
    result = pipeline.run()
    result.wait_until_finish()
    assert 0.05 <= seconds_of_stages(result.metrics())["slow"] < 60


@pytest.mark.parametrize("numbers", [[1, 2, 3, 4, 5], [1, 2, 3]])
def test_a_failure_fails_the_job_also_that_of_the_last_element(numbers: list[int]) -> None:
    with (
        pytest.raises(Exception, match="three is not written"),
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
    ):
        _ = pipeline | beam.Create(numbers) | beam.ParDo(MapInBackground("fail", _fail_at_three))


def test_one_element_is_finished_while_the_next_one_is_made_and_no_third_waits() -> None:
    may_finish = threading.Event()
    finished: list[int] = []

    def finish(number: int) -> int:
        assert may_finish.wait(30)
        finished.append(number)
        return number

    function = MapInBackground("finish", finish)
    function.setup()
    function.start_bundle()
    assert list(function.process(1)) == []
    assert finished == []  # The worker goes on all the same.
    threading.Timer(0.05, may_finish.set).start()
    assert list(function.process(2)) == [1]  # Waited for, before the second begins.
    assert [result.value for result in function.finish_bundle()] == [2]
    assert finished == [1, 2]
    function.teardown()


def test_a_bundle_knows_nothing_of_a_failed_one_before() -> None:
    function = MapInBackground("double", _double)
    function.setup()
    function.start_bundle()
    list(function.process(1))
    function.start_bundle()
    assert list(function.process(5)) == []
    assert [result.value for result in function.finish_bundle()] == [10]
    assert list(function.finish_bundle()) == []
    function.teardown()
