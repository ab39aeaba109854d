"""A store of small files that takes its time: `python -m tests.stores.slow_store PORT LATENCY_S`.

It answers HEAD and GET as S3 does, each after the latency, many at a time; every file is the same.
"""

from __future__ import annotations

import asyncio
import sys

BODY = b"A film of a thousand bytes, more or less. " * 24


async def _handle(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float
) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(latency)
            ranged = b"\r\nrange:" in head.lower()
            last = len(BODY) - 1
            status = f"206 P\r\nContent-Range: bytes 0-{last}/{last + 1}" if ranged else "200 OK"
            answer = f'HTTP/1.1 {status}\r\nContent-Length: {last + 1}\r\nETag: "e"\r\n\r\n'
            writer.write(answer.encode() + (b"" if head.startswith(b"HEAD") else BODY))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _serve(port: int, latency: float) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _handle(reader, writer, latency), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
