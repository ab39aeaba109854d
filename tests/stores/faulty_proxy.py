"""A proxy before a store that fails some requests, as stores and networks do.

`python -m tests.stores.faulty_proxy PORT UPSTREAM_PORT SEED SHARE LOG` forwards requests, one a
connection, and spoils the share of them given: 500, 503 SlowDown, a reset, a silence, a body cut
short. It writes a letter for each request to LOG: `.` for a forwarded one, else the fault's.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
from pathlib import Path

FAULTS = "5SRTB"  # 500, SlowDown, reset, time-out, truncated body.
SILENCE_S = 4.0  # Longer than the clients of the tests wait.

_ERROR = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code>"
    "<Message>{message}</Message></Error>"
)


class FaultyProxy:
    """Forward requests to another port, and spoil some.

    Args:
        upstream: The port to forward to.
        seed: Which requests are spoilt.
        share: How many, 0 to 1.
        log: Gets a letter a request.
    """

    def __init__(self, upstream: int, seed: int, share: float, log: Path) -> None:
        self._upstream = upstream
        self._random = random.Random(seed)
        self._share = share
        self._log = log.open("a")

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            fault = "."
            if self._random.random() < self._share:
                fault = self._random.choice(FAULTS)
            request = await _read_request(reader, writer, silent=fault == "T")
            if request is None:
                return
            self._log.write(fault)
            self._log.flush()
            await self._answer(request, fault, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: bytes, fault: str, writer: asyncio.StreamWriter) -> None:
        if fault == "5":
            writer.write(error_answer(500, "InternalError", "We encountered an internal error."))
        elif fault == "S":
            writer.write(error_answer(503, "SlowDown", "Please reduce your request rate."))
        elif fault == "R":
            _reset(writer)
        elif fault == "T":
            await asyncio.sleep(SILENCE_S)
        else:
            answer = await self._forward(request)
            head = answer.find(b"\r\n\r\n") + 4
            # Cut in the middle of the body; the answer itself was carried out, as it happens.
            writer.write(answer[: head + (len(answer) - head) // 2] if fault == "B" else answer)
        await writer.drain()

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not _is_connection(line)]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not _is_connection(line)]
        return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silent: bool
) -> bytes | None:
    """Return a request with its body; `silent`: a client that waits to be asked for it waits."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    length, chunked = 0, False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() == b"expect" and not silent:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunked |= name.lower() == b"transfer-encoding" and b"chunked" in value
    if not chunked:
        return head + await reader.readexactly(length)
    body = b""
    while not body.endswith(b"\r\n0\r\n\r\n") and body != b"0\r\n\r\n":
        line = await reader.readuntil(b"\r\n")
        body += line + await reader.readexactly(int(line.split(b";")[0], 16) + 2)
    return head + body


def _is_connection(line: bytes) -> bool:
    return line.lower().startswith((b"connection:", b"expect:"))


def error_answer(status: int, code: str, message: str) -> bytes:
    """Return the answer of a store that speaks S3 to a request that it does not carry out."""
    body = _ERROR.format(code=code, message=message)
    return (
        f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closed with unsent data thrown away, a connection ends in a reset.
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def serve(port: int, proxy: FaultyProxy) -> None:
    """Listen on a port of loopback until the process ends."""
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", port, limit=1 << 26)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    _port, _upstream, _seed, _share, _log = sys.argv[1:]
    _proxy = FaultyProxy(int(_upstream), int(_seed), float(_share), Path(_log))
    asyncio.run(serve(int(_port), _proxy))
