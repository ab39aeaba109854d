"""tar and zip archives as streams of their files: nothing is unpacked to disk, nothing is trusted.

A member whose name leads out of the archive's folder, a link, a device, or a member that is there
twice makes the whole archive an error that names it: somebody meant harm, or it is damaged.
"""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, cast

from transforms.functional.errors import BadInputError
from transforms.functional.safe_paths import leaves_folder
from transforms.functional.unpacking.archive_paths import ArchiveKind
from transforms.functional.unpacking.compression import (
    FREE_BYTES,
    MAX_RATIO,
    ByteStream,
    Compression,
    compression_of,
    decompress,
)
from transforms.functional.unpacking.damage import DAMAGE, naming

_TAR_SHORT: dict[str, Compression] = {".tgz": "gzip", ".tbz2": "bz2", ".txz": "xz"}
_DAMAGE = (*DAMAGE, NotImplementedError, RuntimeError, UnicodeError)


class Member(NamedTuple):
    """A file in an archive: its name there, and its bytes."""

    name: str
    bytes: int


def list_members(stream: IO[bytes], kind: ArchiveKind, archive: str) -> list[Member]:
    """Return the files of an archive, in its own order.

    Args:
        stream: The archive; a zip must be seekable.
        kind: `tar` (also compressed, as the ending of `archive` says) or `zip`.
        archive: Its path, for the ending and for messages.

    Raises:
        InputError: it is damaged, a bomb, or holds what no archive of reviews holds.
    """
    found: list[Member] = []
    seen: set[str] = set()
    for member, _ in _walk(stream, kind, archive):
        if member.name in seen:
            raise BadInputError(f"{archive}: holds {member.name!r} twice: make the archive again")
        seen.add(member.name)
        found.append(member)
    return found


def read_members(
    stream: IO[bytes], kind: ArchiveKind, archive: str, names: Sequence[str]
) -> Iterator[tuple[Member, IO[bytes]]]:
    """Yield some files of an archive, each to be read before the next; order as in the archive.

    Raises:
        InputError: as `list_members`, or one of the files is not there.
    """
    wanted = set(names)
    # A zip knows where its members are; a tar has to be walked through.
    for member, data in _walk(stream, kind, archive, wanted):
        if member.name in wanted:
            wanted.remove(member.name)
            yield member, data
            if not wanted and kind == "zip":
                return
    if wanted:
        raise BadInputError(
            f"{archive}: {min(wanted)!r} is not in it any more: start the job again"
        )


def _walk(
    stream: IO[bytes], kind: ArchiveKind, archive: str, wanted: set[str] | None = None
) -> Iterator[tuple[Member, IO[bytes]]]:
    members = _tar_members(stream, archive) if kind == "tar" else _zip_members(stream, wanted)
    with naming(archive, "an archive", _DAMAGE):
        for member, kind_of_other, data in members:
            name = member.name.removeprefix("./")
            if kind_of_other is not None:
                raise BadInputError(
                    f"{archive}: {name!r} is {kind_of_other}, which no archive of reviews needs: "
                    f"make the archive again without it"
                )
            if leaves_folder(name) or "::" in name:
                raise BadInputError(
                    f"{archive}: {name!r} leads out of the archive's folder, or is no name that "
                    f"can be read safely: make the archive again without it"
                )
            yield Member(name, member.bytes), data


class _StrictTarInfo(tarfile.TarInfo):
    """To Python a damaged header after the first member is the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _StrictTarInfo:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":
                raise
            raise EOFError(f"a header is damaged or missing: {error}") from None


def _tar_members(stream: IO[bytes], archive: str) -> Iterator[tuple[Member, str | None, IO[bytes]]]:
    """Yield file members, with what else they are if they are no plain files, and their bytes."""
    name = archive.lower()
    short = next((kind for end, kind in _TAR_SHORT.items() if name.endswith(end)), None)
    compression = short or compression_of(name)
    limit = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if compression is not None:
        limit = FREE_BYTES + MAX_RATIO * limit
    unpacked = decompress(stream, compression)
    with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_StrictTarInfo) as tar:
        for info in tar:
            # Python keeps every header it has seen.
            tar.members = []  # type: ignore[attr-defined]
            # Python would look for the next member after so many bytes, for ever.
            if not 0 <= info.size <= limit:
                raise BadInputError(
                    f"{info.name!r} claims {info.size:,} bytes, which the archive cannot hold: a "
                    f"decompression bomb, or damaged"
                )
            if info.isdir():
                continue
            data = tar.extractfile(info) if info.isreg() and not info.issparse() else None
            # Read from start to end: Python's own stream fails where it is asked to seek.
            readable = None if data is None else io.BufferedReader(ByteStream(data.read))
            yield Member(info.name, info.size), _tar_kind(info), cast("IO[bytes]", readable)
    while unpacked.read(1 << 18):  # To the checksum at the end.
        pass


def _tar_kind(info: tarfile.TarInfo) -> str | None:
    if info.issym() or info.islnk():
        return f"a link to {info.linkname!r}"
    if info.issparse():
        return "a sparse file"
    return None if info.isreg() else "a device, a pipe, or some other special file"


def _zip_members(
    stream: IO[bytes], wanted: set[str] | None
) -> Iterator[tuple[Member, str | None, IO[bytes]]]:
    with zipfile.ZipFile(stream) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        packed = sum(info.compress_size for info in infos)
        _check_ratio(sum(info.file_size for info in infos), packed, "the archive")
        for info in infos:
            _check_ratio(info.file_size, info.compress_size, repr(info.filename))
            kind = _zip_kind(info)
            member = Member(info.filename, info.file_size)
            if kind is not None or wanted is None or info.filename not in wanted:
                yield member, kind, cast("IO[bytes]", None)
                continue
            with archive.open(info) as data:
                yield member, kind, data


def _check_ratio(unpacked: int, packed: int, what: str) -> None:
    if unpacked > FREE_BYTES + MAX_RATIO * packed:
        raise BadInputError(
            f"{what} unpacks to {unpacked:,} bytes from {packed:,}, more than {MAX_RATIO} times "
            f"as many: a decompression bomb, it is not read"
        )


def _zip_kind(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & 1:
        return "encrypted"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link"
    return None if kind in (0, stat.S_IFREG) else "a device, a pipe, or some other special file"
