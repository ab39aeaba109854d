"""An object store for tests: `bucket://` names local files, and every read is written down.

Environment: BUCKET_LOG: file to which the name of each shard that is fetched goes; BUCKET_DELAY:
seconds that each fetch takes.
"""

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import fsspec
from fsspec.spec import AbstractFileSystem


class Bucket(AbstractFileSystem):
    """Local files that do not look local; `damage` says how often to damage a file's reads."""

    protocol = "bucket"
    cachable = False
    damage: ClassVar[dict[str, int]] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("bucket://").rstrip("/")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        name = self._strip_protocol(path)
        return {"name": name, "size": Path(name).stat().st_size, "type": "file"}

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        file = Path(self._strip_protocol(path))
        data = file.read_bytes()[start:end]
        if file.suffix != ".arrow":
            return data
        if "BUCKET_LOG" in os.environ:
            with Path(os.environ["BUCKET_LOG"]).open("a") as log:
                log.write(f"{file.name}\n")
        time.sleep(float(os.environ.get("BUCKET_DELAY", 0)))
        if self.damage.get(file.name, 0) > 0:
            self.damage[file.name] -= 1
            data = data[:-1] + b"!"
        return data


fsspec.register_implementation("bucket", Bucket, clobber=True)
