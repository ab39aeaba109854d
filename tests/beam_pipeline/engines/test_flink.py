"""A Flink cluster is told to stop a job, on a stand-in for its REST address."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_pipeline.engines import flink, stopping
from beam_pipeline.engines.engine import choose_engine
from beam_pipeline.engines.flink import FlinkCluster
from beam_pipeline.engines.stopping import FinalErrors, stop_job, stopping_at_final_errors
from tests.http_servers import answering
from transforms.functional.errors import BadInputError, ReviewShardsError, TooManyRejectedError

_FLINK = ("--runner", "FlinkRunner", "--job_name", "nightly", "--flink_master")


class Cluster:
    """What a stand-in was asked, and the jobs that it has."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.stops = True
        self.asked: list[str] = []
        self.jobs = {"a1": ["nightly", "RUNNING"], "b2": ["other", "RUNNING"]}
        self.attempts: list[str] = []


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("a1/exceptions"):
                entries = [{"stacktrace": text} for text in made.attempts]
                self._answer({"exceptionHistory": {"entries": entries}})
                return
            jobs = [{"jid": j, "name": n, "state": s} for j, (n, s) in made.jobs.items()]
            self._answer({"jobs": jobs})

        def do_PATCH(self) -> None:
            made.asked.append(self.path)
            job = self.path.split("?")[0].rpartition("/")[2]
            made.jobs[job][1] = "CANCELED" if made.stops else "CANCELLING"
            self._answer({})

        def _answer(self, document: object) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

    with answering(Handler) as port:
        made = Cluster(port)
        yield made


def test_the_cluster_is_the_one_that_flink_master_names() -> None:
    def address(*options: str) -> str | None:
        found = FlinkCluster.of(PipelineOptions(list(options)))
        return found and found.address

    assert address() is None
    assert address("--flink_master=[local]") is None
    assert address("--flink_master", "flink:8081") == "http://flink:8081"
    assert address("--flink_master", "https://flink:8081/") == "https://flink:8081"


def test_a_job_is_cancelled_by_its_name_and_no_other(cluster: Cluster) -> None:
    assert stop_job(choose_engine([*_FLINK, cluster.address], 1, 1)) == ""
    assert cluster.asked == ["/jobs/a1?mode=cancel"]
    assert cluster.jobs["b2"][1] == "RUNNING"


def test_what_does_not_stop_is_said_with_where_to_stop_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flink, "_ENDS_IN_S", 0.3)
    cluster.stops = False
    left = stop_job(choose_engine([*_FLINK, cluster.address], 1, 1))
    assert left == (
        f"job nightly may still run on Flink (it was told to stop and has not yet): cancel it on "
        f"{cluster.address}"
    )
    assert len(cluster.asked) == 1


def test_a_cluster_that_does_not_answer_is_said() -> None:
    left = stop_job(choose_engine([*_FLINK, "localhost:1"], 1, 1))
    assert "http://localhost:1 does not answer: ConnectionError" in left


_TRACEBACK = (
    "java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last)"
    ":\n  File ...\ntransforms.functional.errors.{}: its message\n\n\tat java.lang.Thread.run()\n"
)


@pytest.mark.parametrize("kind", [TooManyRejectedError, BadInputError])
def test_a_job_that_fails_for_good_is_cancelled_with_its_reason(
    cluster: Cluster, kind: type[ReviewShardsError]
) -> None:
    cluster.attempts = [_TRACEBACK.format("OutputError"), _TRACEBACK.format(kind.__name__)]
    watched = FinalErrors(FlinkCluster(address=cluster.address), "nightly")

    watched.look()

    assert type(watched.error) is kind
    assert str(watched.error) == "its message"
    assert cluster.asked == ["/jobs/a1?mode=cancel"]


@pytest.mark.parametrize(
    ("error", "other"),
    [("OutputError", "other"), ("InputError", "other"), ("TooManyRejectedError", "nightly")],
)
def test_a_job_that_may_pass_when_it_is_tried_again_goes_on(
    cluster: Cluster, error: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does one that has the name of another: nobody knows which of them has failed."""
    monkeypatch.setattr(stopping, "LOOKS_EVERY_S", 0.01)
    cluster.jobs["b2"][0] = other
    cluster.attempts = [_TRACEBACK.format(error)]

    with stopping_at_final_errors(FlinkCluster(address=cluster.address), "nightly") as watched:
        time.sleep(0.3)

    assert watched.error is None
    assert cluster.asked == []


def test_without_the_address_it_is_said_how_to_do_it_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ("--runner", "PortableRunner", "--job_endpoint", "localhost:1", "--job_name", "n")
    engine = choose_engine(options, 1, 1)
    assert "may still run job n: look at its page" in stop_job(engine)

    class Result:
        cancelled = 0

        def cancel(self) -> None:
            self.cancelled += 1
            raise ValueError("closed channel")

    for known, said in (
        (frozenset({"flink_master"}), "job n may still run, since Flink's job server"),
        (frozenset(), ""),
    ):
        monkeypatch.setattr(stopping, "described_options", lambda _, known=known: known)
        result = Result()
        assert stop_job(engine, result).startswith(said)
        assert result.cancelled == 1
