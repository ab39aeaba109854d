"""Names of files in archives: `tar://aclImdb/train/pos/0_9.txt::/data/aclImdb_v1.tar.gz`.

It is how fsspec chains URLs; the member comes first, then `::` and the archive that holds it.
"""

from __future__ import annotations

from typing import Literal

ArchiveKind = Literal["tar", "zip"]

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


def archive_kind(path: str) -> ArchiveKind | None:
    """Return what kind of archive a path's ending names, None for no archive."""
    if split_member(path):
        return None
    if path.lower().endswith(_TAR):
        return "tar"
    return "zip" if path.lower().endswith(".zip") else None


def member_path(kind: ArchiveKind, archive: str, member: str) -> str:
    """Return the path of a file in an archive."""
    return f"{kind}://{member}::{archive}"


def split_member(path: str) -> tuple[ArchiveKind, str, str] | None:
    """Return kind, archive and member of a path that names a file in an archive, or None."""
    kinds: tuple[ArchiveKind, ...] = ("tar", "zip")
    for kind in kinds:
        if path.startswith(f"{kind}://") and "::" in path:
            member, archive = path.removeprefix(f"{kind}://").split("::", 1)
            return kind, archive, member
    return None


def stored_path(path: str) -> str:
    """Return the archive that a path lies in, the path itself where it lies in none."""
    found = split_member(path)
    return found[1] if found else path


def name_of(path: str) -> str:
    """Return the path whose ending says what a file is: that of a member, or the path itself."""
    found = split_member(path)
    return found[2] if found else path
