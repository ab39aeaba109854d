"""stub"""

from __future__ import annotations

DEFAULT_CACHE_GB = 50.0


class ShardCache:
    def __init__(self, folder=None, *, max_bytes=0): ...
