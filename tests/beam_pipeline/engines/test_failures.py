"""Whatever a runner makes of an error, the person reads ours."""

import grpc
import pytest
import requests

from beam_pipeline.engines.failures import error_of, has_hung_up
from transforms.functional.errors import InputError, ReviewShardsError, TooManyRejectedError

_REMOTE = """Traceback (most recent call last):
  File "common.py", line 1512, in process
transforms.functional.errors.InputError: in.parquet: not readable: cut short

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
transforms.functional.errors.InputError: in.parquet: not readable: cut short [while running 'Read']
"""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RuntimeError(_REMOTE), InputError("in.parquet: not readable: cut short")),
        (InputError("gone [while running 'ReadReviews/ReadParts']"), InputError("gone")),
        (TooManyRejectedError("5 of 9"), TooManyRejectedError("5 of 9")),
    ],
)
def test_our_errors_come_back_with_their_class(raised: Exception, expected: Exception) -> None:
    found = error_of(raised)
    assert (type(found), str(found)) == (type(expected), str(expected))


def test_other_errors_keep_their_last_line() -> None:
    found = error_of(RuntimeError("Traceback ...\n  File ...\nMemoryError: 3 GB\n"))
    assert type(found) is ReviewShardsError
    assert str(found) == "the job failed: RuntimeError: MemoryError: 3 GB (--debug shows all of it)"


def test_a_lost_worker_is_said_with_the_cure() -> None:
    found = error_of(RuntimeError("Traceback ...\nRuntimeError: Channel closed prematurely."))
    assert type(found) is ReviewShardsError
    assert "a worker process ended" in str(found)
    assert "run the same command again" in str(found)


def test_the_cure_of_a_lost_worker_is_the_engine_s_own() -> None:
    for text in (
        "SDK worker disconnected",
        "RuntimeError: Channel closed prematurely",
        "java.lang.IllegalStateException: SDK harness closed connection",
    ):
        assert "fewer --direct_num_workers" in str(error_of(RuntimeError(text)))
        assert "fewer --sdk_worker_parallelism" in str(error_of(RuntimeError(text), local=False))


_JAVA = """java.lang.RuntimeException: The Runner experienced the following error:
\tat org.apache.beam.runners.Runner.run(Runner.java:84)
Caused by: org.apache.flink.JobExecutionException: Job execution failed.
\tat org.apache.flink.JobResult.to(JobResult.java:144)
Caused by: java.lang.NullPointerException: element
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""
_JAVA_ALONE = """java.lang.IllegalStateException: Only one SparkContext should be running
\tat org.apache.spark.SparkContext.run(SparkContext.java:2)
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""
_BUSY = """Only one SparkContext should be running in this JVM. It was created at:
org.apache.spark.api.java.JavaSparkContext.<init>(JavaSparkContext.scala:58)
java.base/java.lang.Thread.run(Thread.java:840)
"""
_NOT_SENT = """org.apache.spark.SparkException: Job aborted: a result is not serializable
Serialization stack:
\t- object not serializable (class: RawUnionValue, value: 2:[105, -120, 1, 81])
"""
_PYTHON_IN_JAVA = """java.lang.RuntimeException: Error: Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
    response = task()
OSError: [Errno 28] No space left on device
\tat org.apache.beam.Client.get(Client.java:1)
Caused by: java.util.concurrent.ExecutionException: Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
OSError: [Errno 28] No space left on device

\t... 1 more
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_BUSY, "Only one SparkContext should be running in this JVM. It was created at:"),
        (_NOT_SENT, "org.apache.spark.SparkException: Job aborted: a result is not serializable"),
        (_JAVA, "java.lang.NullPointerException: element"),
        (_JAVA_ALONE, "java.lang.IllegalStateException: Only one SparkContext should be running"),
        (_PYTHON_IN_JAVA, "OSError: [Errno 28] No space left on device"),
        ("", ""),
    ],
)
def test_the_reason_is_found_in_the_stacks_of_java_and_python(text: str, reason: str) -> None:
    found = str(error_of(RuntimeError(text), local=False))
    assert found == f"the job failed: RuntimeError: {reason} (--debug shows all of it)"


def test_a_reason_is_a_line_that_can_be_read() -> None:
    found = str(error_of(RuntimeError("x" * 100_000)))
    assert len(found) < 600
    assert " ... (--debug" in found


class _Call(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """An error as gRPC raises it: its text is a page, with the reason in the middle."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def __str__(self) -> str:
        return f"<_MultiThreadedRendezvous of RPC with:\n\tdetails = {self._details}\n>"

    add_callback = cancel = initial_metadata = is_active = time_remaining = None
    trailing_metadata = None


def test_an_engine_that_has_gone_is_named() -> None:
    gone = _Call(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    assert has_hung_up(gone)
    found = str(error_of(gone, local=False, engine="the engine at localhost:8073"))
    assert found.startswith("the engine at localhost:8073 hung up (Socket closed): ")
    assert "run the same command again" in found
    assert has_hung_up(requests.ConnectionError("refused"))
    assert not has_hung_up(RuntimeError("refused"))


def test_the_reason_of_a_call_is_in_its_details() -> None:
    found = error_of(_Call(grpc.StatusCode.INVALID_ARGUMENT, "no such option"), local=False)
    assert str(found) == (
        "the job failed: gRPC INVALID_ARGUMENT: no such option (--debug shows all of it)"
    )
