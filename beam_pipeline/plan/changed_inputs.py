"""`--append`: which inputs no earlier generation holds, and which ones are not what they were."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fsspec.utils import glob_translate

from beam_pipeline.plan.input_files import InputFile
from beam_pipeline.plan.listing import one_name
from transforms import storage
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import OutputError
from transforms.functional.input_names import input_name
from transforms.functional.reviews.bad_files import BadFile
from transforms.functional.unpacking.archive_paths import stored_path


@dataclass(frozen=True, kw_only=True)
class InputChanges:
    """The inputs that are there now, against those of a dataset.

    Attributes:
        new: Files that no generation holds; those left out before, where that may end otherwise.
        changed: Paths that hold something else now.
        vanished: Paths that `--input` covers and that are not there any more.
        left_out: Paths that were left out for their rejected records, and would be again.
    """

    new: list[InputFile]
    changed: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def check(self, *, ignore_changed: bool, ignore_vanished: bool, compared: bool = False) -> None:
        """Raise `OutputError` where an earlier input changed or vanished, unless that is ignored.

        Args:
            ignore_changed: What was made of a changed input stays.
            ignore_vanished: The same of a vanished one.
            compared: True where the job reads earlier inputs again, to compare new ones with them:
                then nothing can be ignored.
        """
        wrong = [
            (flag, f"{paths[0]} has {what} since it was added{_others(paths)}")
            for flag, what, paths, ignored in (
                ("--ignore_changed", "changed", self.changed, ignore_changed),
                ("--ignore_vanished", "vanished", self.vanished, ignore_vanished),
            )
            if paths and (compared or not ignored)
        ]
        if not wrong:
            return
        flags = " and ".join(flag for flag, _ in wrong)
        cure = (
            "put it back, or start over with --overwrite: --dedup exact reads it again"
            if compared
            else f"put it back, pass {flags} to keep what was made of it and add only what is new, "
            f"or start over with --overwrite"
        )
        raise OutputError(f"{'; '.join(what for _, what in wrong)}: {cure}")


def _others(paths: Sequence[str]) -> str:
    return f" (and {len(paths) - 1:,} others have)" if len(paths) > 1 else ""


def compare_inputs(
    patterns: Sequence[str],
    files: Sequence[InputFile],
    earlier: Iterable[InputEntry],
    *,
    quarantined: Iterable[BadFile] = (),
    max_rejected_fraction: float = 1.0,
) -> InputChanges:
    """Compare inputs with those of a dataset, by name, size and identity.

    Args:
        patterns: What `--input` says; `files` are those that it stands for now.
        earlier: The inputs of the dataset. Those that `patterns` do not cover, such as last
            night's folder where `--input` names tonight's, are not looked for.
        quarantined: Which of them were left out: where they changed, or the limit allows them now,
            they are new. Nothing was made of them, so they may vanish.
        max_rejected_fraction: The limit.
    """
    now = {one_name(input_name(file.path)): file for file in files}
    # Earlier releases wrote masked paths down without a hash.
    masked = {one_name(storage.mask_secrets(file.path)): name for name, file in now.items()}
    covers = [_cover(pattern) for pattern in patterns]
    known: set[str] = set()
    found = InputChanges(new=[])
    for name, (entry, left_out) in _latest(earlier, quarantined).items():
        name = name if name in now else masked.get(name, name)
        if name not in now:
            if left_out is None and any(covered(entry.path) for covered in covers):
                found.vanished.append(entry.path)
        elif left_out is None:
            known.add(name)
            if not _is_same(now[name], entry):
                found.changed.append(entry.path)
        elif _is_same(now[name], entry) and left_out.is_above(max_rejected_fraction):
            known.add(name)
            found.left_out.append(entry.path)
    found.new.extend(file for name, file in now.items() if name not in known)
    return found


def _latest(
    earlier: Iterable[InputEntry], quarantined: Iterable[BadFile]
) -> dict[str, tuple[InputEntry, BadFile | None]]:
    """Return earlier inputs by name; of one that was left out and then added, the last entry."""
    bad = {file.source: file for file in quarantined}
    return {
        one_name(input_name(entry.path)): (entry, bad.get(source))
        for source, entry in enumerate(earlier)
    }


def _is_same(file: InputFile, entry: InputEntry) -> bool:
    # Earlier releases did not ask web servers without etags for the time of change.
    return file.bytes == entry.bytes and entry.identity in ("", file.identity)


def _cover(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a pattern would match a path, were it there."""
    filesystem, place = storage.locate(stored_path(pattern))
    glob = re.compile(glob_translate(place))

    def covered(path: str) -> bool:
        name = str(filesystem._strip_protocol(stored_path(path)))
        while name and name != posixpath.dirname(name):
            if name == place or glob.match(name):
                return True
            name = posixpath.dirname(name)
        return False

    return covered
