"""Many files, mapped one after another into one range of addresses.

A batch of shuffled rows comes from many shards. With a mapping for each shard, a gather costs one
numpy call a shard, which for a batch of 32 rows is most of the time. In one range of addresses all
shards are one array, and the gather of a batch is one call.

The range is reserved first, without memory behind it (`PROT_NONE`); each file is then mapped over
its place (`MAP_FIXED`), when it is first needed. Python's `mmap` has no `MAP_FIXED`, hence ctypes.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from transforms.functional.errors import DatasetError

_MAP_FIXED = 0x10  # The same on Linux and macOS.
_MAP_FAILED = ctypes.c_void_p(-1).value


class AddressRange:
    """Room for files of known sizes; see the module's docstring.

    Attributes:
        bytes: (n,) uint8, read-only, the whole range. Reading where no file is mapped ends the
            process, so ask `is_mapped` first.
        starts: (n_files,) int64, where each file's room begins.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        """Reserve room for files of `sizes` bytes."""
        pages = -(-np.asarray(sizes, np.int64) // mmap.PAGESIZE)
        ends = np.cumsum(pages) * mmap.PAGESIZE
        self.sizes = list(sizes)
        self.starts: npt.NDArray[np.int64] = ends - pages * mmap.PAGESIZE
        self._mapped = np.zeros(len(self.sizes), np.bool_)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._reserved = mmap.mmap(-1, int(ends[-1]), flags=flags, prot=0)
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(self._reserved, np.uint8)
        self._address = self.bytes.ctypes.data

    def is_mapped(self, file: int) -> bool:
        """Return True where file number `file` can be read."""
        return bool(self._mapped[file])

    def file_bytes(self, file: int) -> npt.NDArray[np.uint8]:
        """Return the bytes of a mapped file, (size,) uint8, without a copy."""
        start = int(self.starts[file])
        return self.bytes[start : start + self.sizes[file]]

    def map(self, file: int, path: Path) -> None:
        """Map the file at `path` into its room.

        Raises:
            DatasetError: the file is not there, or not as long as it should be.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DatasetError(
                f"shard {path} cannot be opened ({error.strerror}): make the dataset again, with "
                f"the same command; it keeps the shards that are there"
            ) from error
        try:
            size = os.fstat(descriptor).st_size
            if size != self.sizes[file]:
                raise DatasetError(
                    f"shard {path} has {size} bytes, the manifest says {self.sizes[file]}: it was "
                    f"cut off or replaced; make the dataset again with --overwrite"
                )
            self._place(file, mmap.PROT_READ, mmap.MAP_SHARED | _MAP_FIXED, descriptor)
        finally:
            os.close(descriptor)
        self._mapped[file] = True

    def unmap(self, file: int) -> None:
        """Give the file's pages back; its room stays reserved."""
        self._mapped[file] = False
        self._place(file, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED, -1)

    def _place(self, file: int, protection: int, flags: int, descriptor: int) -> None:
        address = self._address + int(self.starts[file])
        result = _libc_mmap()(address, self.sizes[file], protection, flags, descriptor, 0)
        if result == _MAP_FAILED:
            reason = os.strerror(ctypes.get_errno())
            raise DatasetError(
                f"cannot map a shard of {self.sizes[file]} bytes: {reason}; raise the limit of "
                f"mappings (sysctl vm.max_map_count) or make fewer, larger shards"
            )


def _libc_mmap() -> Callable[..., int | None]:
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    return function
