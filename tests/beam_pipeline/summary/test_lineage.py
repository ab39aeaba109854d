"""OpenLineage events, as a server on this machine gets them from OpenLineage's own client."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.http_servers import answering
from tests.jobs import REVIEWS, SMALL_PARTS, run

pytest.importorskip("openlineage.client", reason="pip install openlineage-python")

from beam_pipeline.summary.lineage import dataset_name

Event = dict[str, Any]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Event]]:
    """Return the events that a server has taken; the client is told of the server."""
    taken: list[Event] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

    with answering(Server) as port:
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{port}")
        monkeypatch.chdir(tmp_path)
        yield taken


def test_a_run_says_what_it_read_and_made(events: list[Event], tmp_path: Path) -> None:
    assert run(tmp_path / "out", *SMALL_PARTS, "--lineage", "--quiet") == 0
    start, end = events
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert start["job"] == end["job"]
    assert end["job"]["name"] == f"make {tmp_path}/out"
    assert [(each["namespace"], each["name"]) for each in end["inputs"]] == [("file", str(REVIEWS))]

    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    shards = manifest["splits"]["train"]["shards"]
    made = end["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (made["rowCount"], made["fileCount"], made["size"]) == (
        sum(shard["rows"] for shard in shards),
        len(shards),
        sum(shard["bytes"] for shard in shards),
    )

    assert run(tmp_path / "out", *SMALL_PARTS, "--lineage", "--quiet") == 0
    assert events[3]["eventType"] == "COMPLETE"
    assert "outputStatistics" not in events[3]["outputs"][0].get("outputFacets", {})


def test_a_run_that_fails_says_why(events: list[Event], tmp_path: Path) -> None:
    options = (*SMALL_PARTS, "--max_rejected_fraction", "0", "--lineage", "--quiet")
    assert run(tmp_path / "out", *options) == 3
    end = events[-1]
    assert end["eventType"] == "FAIL"
    assert "rejected" in end["run"]["facets"]["errorMessage"]["message"]


def test_a_server_that_is_away_changes_no_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    assert run(tmp_path / "out", *SMALL_PARTS, "--lineage", "--quiet") == 0
    said = [entry.message for entry in caplog.records if "OpenLineage" in entry.message]
    assert [line.partition(": ")[0].split()[-1] for line in said] == ["START", "COMPLETE"]


def test_without_a_server_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path / "out", *SMALL_PARTS, "--lineage", "--quiet") == 2
    assert "set OPENLINEAGE_URL" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_the_extra_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "beam_pipeline.summary.lineage":
            raise ModuleNotFoundError("No module named 'openlineage'", name="openlineage")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert run(tmp_path / "out", *SMALL_PARTS, "--lineage") == 2
    assert "pip install 'review-shards[lineage]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("s3://bucket/reviews/a.parquet", ("s3://bucket", "reviews/a.parquet")),
        ("s3://bucket", ("s3://bucket", "/")),
        ("/data/reviews", ("file", "/data/reviews")),
        ("https://me:secret@host/a?sig=secret", ("https://***@host", "a")),
    ],
)
def test_datasets_are_named_by_their_store(path: str, name: tuple[str, str]) -> None:
    assert dataset_name(path) == name
