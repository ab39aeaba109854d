"""A web server in this process: files by their whole URLs, queries included."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.http_servers import answering


class Site:
    """What a server serves; tests change it while it runs.

    Attributes:
        files: Bytes by path and query, such as `/get?key=a`.
        ranges: False for a server that sends whole files only.
        says_no_ranges: False for such a server that does not say so.
        etags: False for one that says nothing of versions.
        status: Where given, what it answers to everything.
        signature: Where given, a parameter of requests that names no file.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.says_no_ranges = True
        self.etags = True
        self.status: int | None = None
        self.signature = ""
        self.requests: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def find(self, path: str) -> bytes | None:
        if self.signature:
            path = re.sub(rf"[?&]{self.signature}=[^&]*", "", path)
        return self.files.get(path.lstrip("/"))


@contextmanager
def web_server() -> Iterator[Site]:
    """Serve a site until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            body = self.answer()
            site.requests.append(self.path)
            if body is not None:
                self.wfile.write(body)

        def answer(self) -> bytes | None:
            data = None if site.status else site.find(self.path)
            if data is None:
                self.send_response(site.status or 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            body = data
            if found and site.ranges:
                start, end = int(found[1]), int(found[2] or len(data) - 1)
                body = data[start : end + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
            else:
                self.send_response(200)
            if not site.ranges and site.says_no_ranges:
                self.send_header("Accept-Ranges", "none")
            if site.etags:
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

    with answering(Handler) as port:
        site = Site(port)
        yield site
