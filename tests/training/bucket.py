"""An object store for tests: `bucket://` names local files, and every read is written down.

Environment: BUCKET_LOG: file to which the name of each shard that is opened goes; BUCKET_DELAY:
seconds that each read takes.
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

    def cat_file(self, path: str, *_: Any, **__: Any) -> bytes:
        return Path(self._strip_protocol(path)).read_bytes()

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        name = Path(path).name
        if "BUCKET_LOG" in os.environ:
            with Path(os.environ["BUCKET_LOG"]).open("a") as log:
                log.write(f"{name}\n")
        return _Reader(Path(path), self.damage)


class _Reader:
    def __init__(self, path: Path, damage: dict[str, int]) -> None:
        self._file = path.open("rb")
        self._damaged = damage.get(path.name, 0) > 0
        if self._damaged:
            damage[path.name] -= 1

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, n: int) -> bytes:
        time.sleep(float(os.environ.get("BUCKET_DELAY", 0)))
        data = self._file.read(n)
        return data[:-1] + b"!" if self._damaged and data else data


fsspec.register_implementation("bucket", Bucket, clobber=True)
