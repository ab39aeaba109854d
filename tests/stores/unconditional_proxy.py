"""A proxy before a store that knows no conditions: `... unconditional_proxy PORT UPSTREAM_PORT`.

It answers 501 to every `If-None-Match`, as some stores that speak S3 do, and forwards the rest.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.stores.faulty_proxy import FaultyProxy, error_answer, serve


class UnconditionalProxy(FaultyProxy):
    """Forward requests without conditions to another port."""

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream, seed=0, share=0.0, log=Path(os.devnull))

    async def _answer(self, request: bytes, fault: str, writer: asyncio.StreamWriter) -> None:
        head = request.partition(b"\r\n\r\n")[0].lower()
        if b"\r\nif-none-match:" not in head:
            await super()._answer(request, fault, writer)
            return
        writer.write(error_answer(501, "NotImplemented", "A header implies what is not there."))
        await writer.drain()


if __name__ == "__main__":
    _port, _upstream = sys.argv[1:]
    asyncio.run(serve(int(_port), UnconditionalProxy(int(_upstream))))
