"""`--append`: which inputs no earlier generation holds, and which ones are not what they were."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fsspec.utils import glob_translate

from beam_pipeline.plan.listing import InputFile, one_name
from transforms import storage
from transforms.functional.dataset.manifest import InputEntry
from transforms.functional.errors import OutputError
from transforms.functional.input_names import input_name
from transforms.functional.unpacking.archive_paths import split_member


@dataclass(frozen=True, kw_only=True)
class InputChanges:
    """The inputs that are there now, against those of a dataset.

    Attributes:
        new: Files that no generation holds.
        changed: Paths that hold something else now.
        vanished: Paths that `--input` covers and that are not there any more.
    """

    new: list[InputFile]
    changed: list[str]
    vanished: list[str]

    def check_unchanged(self, *, compared: bool = False) -> None:
        """Raise `OutputError` where an earlier input changed or vanished.

        Args:
            compared: True where the job reads earlier inputs again, to compare new ones with them.
        """
        cure = (
            "put it back, or start anew with --overwrite: --dedup exact reads it again"
            if compared
            else "put it back, pass --ignore_changed to keep what was made of it and add only what "
            "is new, or start anew with --overwrite"
        )
        for path, what in (
            *((path, "has changed") for path in self.changed[:1]),
            *((path, "has vanished") for path in self.vanished[:1]),
        ):
            n_others = len(self.changed) + len(self.vanished) - 1
            others = f" (and {n_others:,} others have)" if n_others else ""
            raise OutputError(f"{path} {what} since it was added{others}: {cure}")


def compare_inputs(
    patterns: Sequence[str], files: Sequence[InputFile], earlier: Iterable[InputEntry]
) -> InputChanges:
    """Compare the inputs now with those of a dataset, by name, size and identity.

    Args:
        patterns: What `--input` says.
        files: The files that it stands for now.
        earlier: The inputs of the dataset. Those that `patterns` do not cover, such as last
            night's folder where `--input` names tonight's, are not looked for.
    """
    names = [one_name(input_name(file.path)) for file in files]
    now = dict(zip(names, files, strict=True))
    # Earlier releases wrote masked paths down without a hash.
    masked = {one_name(storage.mask_secrets(file.path)): name for name, file in now.items()}
    covers = [_cover(pattern) for pattern in patterns]
    known: set[str] = set()
    changed, vanished = [], []
    for entry in earlier:
        name = one_name(input_name(entry.path))
        name = name if name in now else masked.get(name, name)
        if name in now:
            known.add(name)
            if not _is_same(now[name], entry):
                changed.append(entry.path)
        elif any(covered(entry.path) for covered in covers):
            vanished.append(entry.path)
    new = [file for name, file in zip(names, files, strict=True) if name not in known]
    return InputChanges(new=new, changed=changed, vanished=vanished)


def _is_same(file: InputFile, entry: InputEntry) -> bool:
    # Earlier releases did not ask web servers without etags for the time of change.
    return file.bytes == entry.bytes and entry.identity in ("", file.identity)


def _cover(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a pattern would match a path, were it there."""
    member = split_member(pattern)
    filesystem, place = storage.locate(member[1] if member else pattern)
    glob = re.compile(glob_translate(place))

    def covered(path: str) -> bool:
        member = split_member(path)
        name = str(filesystem._strip_protocol(member[1] if member else path))
        while name and name != posixpath.dirname(name):
            if name == place or glob.match(name):
                return True
            name = posixpath.dirname(name)
        return False

    return covered
