"""The Hugging Face hub on loopback: a dataset's repository and a model's, as its client asks.

Files are kept by their hashes, a commit names them, and a branch is its newest commit. There is no
condition under which a commit is refused, and no rename, as on the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from tests.http_servers import answering

REPO, MODEL = "me/reviews", "me/model"
_API, _FILES = f"/api/datasets/{REPO}", f"/datasets/{REPO}"
# Files of these names go to the store for large ones, whatever their size.
_LARGE = (".arrow", ".parquet")


class Hub:
    """What is in the repositories.

    Attributes:
        url: Where it answers.
        files: The files of the dataset's newest commit.
        model: The files of the model.
        requests: What was asked, in order.
        commits: The paths that each commit changed.
        busy: How many commits are refused, since another one is being made.
    """

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.model: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.commits: list[list[str]] = []
        self.busy = 0
        self.large: dict[str, bytes] = {}
        self.lock = threading.Lock()

    @property
    def sha(self) -> str:
        """Hash of the newest commit."""
        return hashlib.sha1(str(len(self.commits)).encode()).hexdigest()

    def entries(self, folder: str, recursive: bool) -> list[dict[str, Any]] | None:
        """Return what is in a folder, None where there is none."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, dict[str, Any]] = {}
        for path, data in sorted(self.files.items()):
            if not path.startswith(prefix):
                continue
            below = path[len(prefix) :].split("/")
            for depth in range(1, len(below)) if recursive else range(1, min(2, len(below))):
                name = prefix + "/".join(below[:depth])
                found[name] = {"type": "directory", "path": name, "oid": "c" * 40}
            if recursive or len(below) == 1:
                found[path] = entry_of(path, data)
        return list(found.values()) if found or not folder else None

    def commit(self, lines: list[dict[str, Any]]) -> None:
        """Do what the lines of a commit say."""
        changed = []
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del self.files[value["path"]]
            changed += [value["path"]] if "path" in value else []
        self.commits.append(changed)


def entry_of(path: str, data: bytes) -> dict[str, Any]:
    """Return what the hub says of a file."""
    oid = hashlib.sha1(data).hexdigest()
    return {"type": "file", "path": path, "size": len(data), "oid": oid}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        url = urlparse(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        with self.hub.lock:
            if found := re.fullmatch(rf"{_FILES}/resolve/[^/]+/(.+)", path):
                self._send_file(self.hub.files.get(found[1]))
            elif found := re.fullmatch(rf"/{MODEL}/resolve/[^/]+/(.+)", path):
                self._send_file(self.hub.model.get(found[1]))
            elif re.fullmatch(rf"/api/models/{MODEL}/tree/[^/]+", path):
                self._send_json([entry_of(*item) for item in self.hub.model.items()])
            elif found := re.fullmatch(rf"{_API}/tree/[^/]+/?(.*)", path):
                recursive = query.get("recursive", ["false"])[0].lower() in ("1", "true")
                self._send_json_or_404(self.hub.entries(found[1], recursive))
            elif re.fullmatch(rf"{_API}(/revision/[^/]+)?", path):
                siblings = [{"rfilename": name} for name in sorted(self.hub.files)]
                info = {"id": REPO, "sha": self.hub.sha, "siblings": siblings, "private": False}
                self._send_json({**info, "tags": [], "downloads": 0, "likes": 0})
            else:
                self._send(b"", 404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self._body()
        path = urlparse(self.path).path
        self.hub.requests.append(f"{self.command} {path}")
        with self.hub.lock:
            if path.startswith(f"{_API}/paths-info/"):
                wanted = parse_qs(body.decode()).get("paths", [])
                self._send_json([entry for name in wanted for entry in self._entry(name)])
            elif path.startswith(f"{_API}/preupload/"):
                files = [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
                self._send_json({"files": files})
            elif path == "/api/validate-yaml":
                self._send_json({"errors": [], "warnings": []})
            elif path.endswith("/info/lfs/objects/batch"):
                objects = [self._large_object(item) for item in json.loads(body)["objects"]]
                self._send_json({"transfer": "basic", "objects": objects})
            elif path.startswith(f"{_API}/commit/") and self.hub.busy:
                self.hub.busy -= 1
                self._send(b"A commit has happened since. Please refresh and try again.", 412)
            elif path.startswith(f"{_API}/commit/"):
                self.hub.commit([json.loads(line) for line in body.splitlines()])
                url = f"{self.hub.url}{_FILES}/commit/{self.hub.sha}"
                self._send_json({"success": True, "commitOid": self.hub.sha, "commitUrl": url})
            else:
                self._send(b"", 404)

    def do_PUT(self) -> None:
        self.hub.large[self.path.rpartition("/")[2]] = self._body()
        self._send(b"")

    def _large_object(self, item: dict[str, Any]) -> dict[str, Any]:
        if item["oid"] in self.hub.large:
            return dict(item)
        upload = {"href": f"{self.hub.url}/large/{item['oid']}"}
        return {**item, "actions": {"upload": upload}}

    def _entry(self, name: str) -> list[dict[str, Any]]:
        if name in self.hub.files:
            return [entry_of(name, self.hub.files[name])]
        is_folder = any(path.startswith(f"{name}/") for path in self.hub.files)
        return [{"type": "directory", "path": name, "oid": "c" * 40}] if is_folder else []

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send_file(self, data: bytes | None) -> None:
        if data is None:
            self._send(b"", 404, **{"X-Error-Code": "EntryNotFound"})
            return
        headers = {"ETag": f'"{entry_of("", data)["oid"]}"', "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted and data:
            first, last = wanted.removeprefix("bytes=").split("-")
            end = min(int(last or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
            self._send(data[int(first) : end + 1], 206, **headers)
        else:
            self._send(data, **headers)

    def _send_json_or_404(self, found: Any) -> None:
        if found is None:
            self._send(b"", 404, **{"X-Error-Code": "EntryNotFound"})
        else:
            self._send_json(found)

    def _send_json(self, found: Any) -> None:
        self._send(json.dumps(found).encode(), **{"Content-Type": "application/json"})

    def _send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": self.hub.sha, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Serve empty repositories."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with answering(handler) as port:
        hub.url = f"http://127.0.0.1:{port}"
        yield hub
