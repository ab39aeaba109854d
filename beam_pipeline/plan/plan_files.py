"""A plan as files in the output, where every worker can read it.

The job's graph names these files, whatever the number of inputs: an engine takes a graph of a few
megabytes, and the paths of a million files are more. They lie in a folder of
their run, so that nobody reads or removes the plan of another one. The job removes them at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from beam_pipeline.plan.planning import Plan
from transforms import storage
from transforms.functional.cleanup import cleaning_up_failures
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.records import Records
from transforms.functional.reviews.splits import Split, dump_splits

PLAN_FOLDER = "plan"
SPLITS_PER_FILE = 10_000


@dataclass(frozen=True, kw_only=True)
class PlanFiles:
    """Where a plan lies.

    Attributes:
        folder: The folder of its files.
        inputs: Path of the file with the manifest's entries of the inputs.
        splits: Paths of the files with splits.
        dedup_splits: The same for each of the plan's `dedup_files`.
        secret_paths: Input paths that hold a secret, by what stands for them in the files.
    """

    folder: str
    inputs: str = ""
    splits: tuple[str, ...] = ()
    dedup_splits: tuple[tuple[str, ...], ...] = ()
    secret_paths: Mapping[str, str] = field(default_factory=dict)


def write_plan(output: str, plan: Plan, run: str) -> PlanFiles:
    """Write a plan below an output; interrupted, nothing of it stays.

    Args:
        run: What tells the run from any other one.
    """
    files = PlanFiles(folder=storage.join(output, PLAN_FOLDER, run))
    with cleaning_up_failures(partial(remove_plan, output, files)):
        return _write_plan(files, plan)


def _write_plan(files: PlanFiles, plan: Plan) -> PlanFiles:
    """Write a plan, a few thousand splits at a time."""
    paths = [file.path for file in plan.files]
    paths += [size.file.path for others in plan.dedup_files for size in others.splits.sizes]
    # By their whole paths: two files may be masked to the same text.
    hidden: dict[str, str] = {}
    for path in paths:
        if storage.mask_secrets(path) != path:
            hidden.setdefault(path, f"secret:{len(hidden)}")
    inputs = Records.of(InputEntry, (file.entry for file in plan.files)).to_parquet()
    return replace(
        files,
        inputs=_write(files.folder, "inputs", inputs),
        splits=_write_splits(files.folder, plan.splits, hidden),
        dedup_splits=tuple(
            _write_splits(files.folder, others.splits, hidden) for others in plan.dedup_files
        ),
        secret_paths={name: path for path, name in hidden.items()},
    )


def remove_plan(output: str, files: PlanFiles) -> None:
    """Remove the files of a plan, and the folder above them where no other run has a plan."""
    storage.remove(files.folder)
    storage.remove_empty_folder(storage.join(output, PLAN_FOLDER))


def _write_splits(
    folder: str, splits: Iterable[Split], hidden: Mapping[str, str]
) -> tuple[str, ...]:
    def without_secrets(split: Split) -> Split:
        files = (replace(file, path=hidden.get(file.path, file.path)) for file in split.files)
        return replace(split, files=tuple(files))

    rest = map(without_secrets, splits) if hidden else iter(splits)
    paths = []
    while chunk := list(islice(rest, SPLITS_PER_FILE)):
        paths.append(_write(folder, "splits", dump_splits(chunk)))
    return tuple(paths)


def _write(folder: str, kind: str, data: bytes) -> str:
    name = f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    path = storage.join(folder, name)
    storage.write_atomic(path, data)
    return path
