"""The files of a split as streams, one after the other, in the way that is fastest for each kind.

Small files of a store are fetched hundreds at a time by concurrent requests; the files of an
archive come out of one walk through it; all others are opened one by one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import IO

from transforms import storage
from transforms.functional.errors import InputError
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import INDEXED
from transforms.functional.unpacking.archive_paths import archive_kind, split_member
from transforms.functional.unpacking.archives import Member, list_members, read_members
from transforms.functional.unpacking.compression import in_temporary_file
from transforms.storage.small_files import read_small_files

SMALL_BYTES = 1 << 20
BATCH_BYTES = 16 << 20
BATCH_FILES = 512


def open_files(files: Sequence[FileRange]) -> Iterator[tuple[FileRange, IO[bytes]]]:
    """Yield the files of a split with their bytes; each stream lives until the next one is asked.

    Raises:
        InputError: a file vanished, has changed, or cannot be opened.
    """
    for archive, together in groupby(files, _archive_of):
        yield from (_open_plain if archive is None else _open_members)(list(together))


def _archive_of(file: FileRange) -> str | None:
    member = split_member(file.path)
    return None if member is None else f"{member[0]}://{member[1]}"


def _open_plain(files: Sequence[FileRange]) -> Iterator[tuple[FileRange, IO[bytes]]]:
    """Yield files that lie in no archive."""
    place = 0
    while place < len(files):
        small = _small_remote(files, place)
        if len(small) > 1:
            for file, data in zip(small, read_small_files(small), strict=True):
                yield file, io.BytesIO(data)
        else:
            with open_file(files[place]) as stream:
                yield files[place], stream
        place += len(small) or 1


@contextmanager
def open_file(file: FileRange) -> Iterator[IO[bytes]]:
    """Open one input file, also one in an archive.

    Raises:
        InputError: it vanished, has changed, or cannot be opened.
    """
    if split_member(file.path):
        yield from (stream for _, stream in _open_members([file]))
        return
    # Bytes for line formats; in indexed ones `end` counts row groups, and reading jumps.
    jumps = file.format in INDEXED and file.compression is None
    stop = None if jumps else file.end
    planned = (file.bytes, file.version)
    with storage.open_input(file.path, *planned, stop=stop, ahead=not jumps) as stream:
        yield stream


def list_archive(path: str, version: str) -> list[Member]:
    """Return the files of an archive, which has to be of the version that was listed.

    Raises:
        InputError: it is damaged, a bomb, or holds what no archive of reviews holds.
    """
    kind = archive_kind(path)
    if kind is None:
        raise InputError(f"{path}: is no archive: its name ends in neither .tar.gz nor .zip")
    with storage.open_input(path, None, version, ahead=kind == "tar") as stream:
        return list_members(stream, kind, path)


def _small_remote(files: Sequence[FileRange], place: int) -> list[FileRange]:
    """Return the consecutive small remote files from `place` on that fit into one batch."""
    small: list[FileRange] = []
    filled = 0
    scheme = files[place].path.split("://")[0]
    for file in files[place : place + BATCH_FILES]:
        size = SMALL_BYTES + 1 if file.bytes is None else file.bytes
        filled += size
        is_other = storage.is_local(file.path) or file.path.split("://")[0] != scheme
        if is_other or size > SMALL_BYTES or filled > BATCH_BYTES:
            break
        small.append(file)
    return small


def _open_members(files: Sequence[FileRange]) -> Iterator[tuple[FileRange, IO[bytes]]]:
    """Yield files of one archive, in the order in which they lie there."""
    members = [split_member(file.path) for file in files]
    found = {member[2]: file for member, file in zip(members, files, strict=True) if member}
    kind, archive, _ = next(member for member in members if member)
    version = files[0].version  # Each member has its archive's.
    with storage.open_input(archive, None, version, ahead=kind == "tar") as stream:
        for member, data in read_members(stream, kind, archive, list(found)):
            file = found[member.name]
            if file.bytes is not None and file.bytes != member.bytes:
                raise storage.changed(file.path, member.bytes, file.bytes)
            if file.format in INDEXED and file.compression is None:
                data = in_temporary_file(data)
            yield file, data
