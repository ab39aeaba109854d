"""An input file: its path or URL, its size, and what tells one version of it from the next."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from transforms import storage
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import InputError
from transforms.functional.input_names import hides_secret, input_name
from transforms.functional.unpacking.archive_paths import split_member


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """One input file.

    Attributes:
        path: Absolute path, or URL.
        bytes: Size as stored.
        identity: What changes when the file does: its etag, or the time it was modified.
        version: The same for a reader of this run, which may ask for more; see
            `transforms.storage.versions`. Empty where nobody knows.
    """

    path: str
    bytes: int
    identity: str
    version: str = ""

    @property
    def entry(self) -> InputEntry:
        """What the manifest says of the file."""
        return InputEntry(path=input_name(self.path), bytes=self.bytes, identity=self.identity)

    @property
    def folder(self) -> str:
        """The path of the folder that the file lies in; an archive is a folder, too."""
        member = split_member(self.path)
        path = self.path if member is None else storage.join(member[1], member[2])
        return posixpath.dirname(path)


def input_file(entry: InputEntry) -> InputFile:
    """Return the file that a manifest names.

    Raises:
        InputError: its URL held a secret, which no manifest keeps.
    """
    if hides_secret(entry.path):
        raise InputError(
            f"{entry.path} cannot be read again: its URL holds a secret, which the manifest does "
            f"not keep"
        )
    return InputFile(path=entry.path, bytes=entry.bytes, identity=entry.identity)
