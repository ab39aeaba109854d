"""`hf://datasets/...` through the hub's own client, against a stub that answers as the hub does."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest

from tests.jobs import IN_MEMORY, REVIEWS, arguments
from tests.stores.jobs import OPTIONS, job, manifest_of, shard_hashes
from tests.stores.servers import ROOT

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests: list[str] = []  # noqa: RUF012 - one stub, one list

    def do_GET(self) -> None:
        path = urlparse(self.path).path
        self.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}")
        data = REVIEWS.read_bytes()
        entry = {"type": "file", "path": "in/reviews.jsonl", "size": len(data), "oid": "b" * 40}
        folder = {"type": "directory", "path": "in", "oid": "c" * 40}
        if path.endswith("/resolve/main/in/reviews.jsonl") or "/resolve/" in path:
            self._send_file(data)
        elif "/tree/" in path and path.endswith("/in"):
            self._send(json.dumps([entry]).encode())
        elif "/tree/" in path:
            self._send(json.dumps([folder]).encode())
        elif "/paths-info/" in path:
            self._send(json.dumps([entry]).encode())
        elif "/api/datasets/me/reviews" in path:
            self._send(json.dumps({"id": "me/reviews", "sha": _COMMIT, "siblings": []}).encode())
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "reviews.jsonl" in body:
            self.do_GET()
        else:
            folder = {"type": "directory", "path": "in", "oid": "c" * 40}
            self._send(json.dumps([folder]).encode())

    def _send_file(self, data: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted:
            first, last = wanted.removeprefix("bytes=").split("-")
            end = min(int(last or len(data)), len(data) - 1)
            place = f"bytes {first}-{end}/{len(data)}"
            self._send(data[int(first) : end + 1], 206, **{"Content-Range": place})
        else:
            self._send(data)

    def _send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": _COMMIT, "ETag": '"b"', **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dataset_of_the_hub_is_an_input(hub: str, tmp_path: Path) -> None:
    # In a process of its own: the client reads where the hub is when it is imported.
    url, output = "hf://datasets/me/reviews/in/reviews.jsonl", str(tmp_path / "out")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "beam_pipeline",
            *arguments(output, *OPTIONS, *IN_MEMORY, reviews=url),
        ],
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert job(str(REVIEWS), str(tmp_path / "disk")) == 0
    assert shard_hashes(output) == shard_hashes(str(tmp_path / "disk"))
    (entry,) = manifest_of(output).inputs
    assert entry.path.startswith("hf://datasets/me/reviews")
    assert entry.identity
    assert any("bytes=" in request for request in _Hub.requests)
