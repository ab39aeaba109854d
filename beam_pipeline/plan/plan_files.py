"""A plan as files in the output, where every worker can read it.

The job's graph names these files, whatever the number of inputs: an engine takes a graph of a few
megabytes, and the paths of a million files are more. They lie in a folder of
their run, so that nobody reads or removes the plan of another one. The job removes them at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from beam_pipeline.plan.planning import Plan
from transforms import storage
from transforms.functional.cleanup import clean_up_after
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.input_names import input_name
from transforms.functional.records import Records
from transforms.functional.reviews.splits import Split, dump_splits

PLAN_FOLDER = "plan"
SPLITS_PER_FILE = 10_000


@dataclass(frozen=True, kw_only=True)
class PlanFiles:
    """Where a plan lies.

    Attributes:
        splits: Paths of the files with splits.
        dedup_splits: The same for each of the plan's `dedup_files`.
        inputs: Path of the file with the manifest's entries of the inputs.
        secret_paths: Input paths that hold a secret, by what stands for them in the files.
        folder: The folder of these files.
    """

    splits: tuple[str, ...]
    dedup_splits: tuple[tuple[str, ...], ...]
    inputs: str
    secret_paths: Mapping[str, str]
    folder: str


def write_plan(output: str, plan: Plan, run: str) -> PlanFiles:
    """Write a plan below an output; interrupted, nothing of it stays.

    Args:
        output: Folder or URL of the dataset.
        plan: The plan.
        run: What tells the run from any other one.
    """
    folder = storage.join(output, PLAN_FOLDER, run)
    try:
        return _write_plan(folder, plan)
    except BaseException as error:
        clean_up_after(error, partial(_remove, output, folder))
        raise


def _write_plan(folder: str, plan: Plan) -> PlanFiles:
    """Write a plan, a few thousand splits at a time."""
    inputs = Records.of(InputEntry, input_entries(plan)).to_parquet()
    # By their whole paths: two files may be masked to the same text.
    hidden: dict[str, str] = {}
    for path in _paths(plan):
        if storage.mask_secrets(path) != path:
            hidden.setdefault(path, f"secret:{len(hidden)}")
    return PlanFiles(
        splits=_write_splits(folder, plan.splits, hidden),
        dedup_splits=tuple(
            _write_splits(folder, files.splits(), hidden) for files in plan.dedup_files
        ),
        inputs=_write(folder, "inputs", inputs),
        secret_paths={name: path for path, name in hidden.items()},
        folder=folder,
    )


def remove_plan(output: str, files: PlanFiles) -> None:
    """Remove the files of a plan."""
    _remove(output, files.folder)


def _remove(output: str, folder: str) -> None:
    """Remove the folder of a run, and the one above it where no other run has a plan."""
    storage.remove(folder)
    storage.remove_empty_folder(storage.join(output, PLAN_FOLDER))


def input_entries(plan: Plan) -> Iterator[InputEntry]:
    """Yield what the manifest says of the inputs of a plan."""
    for file in plan.files:
        yield InputEntry(path=input_name(file.path), bytes=file.bytes, identity=file.identity)


def _paths(plan: Plan) -> Iterator[str]:
    yield from (file.path for file in plan.files)
    yield from (size.file.path for files in plan.dedup_files for size in files.sizes)


def _write_splits(
    folder: str, splits: Iterable[Split], hidden: Mapping[str, str]
) -> tuple[str, ...]:
    rest = (_without_secrets(split, hidden) for split in splits) if hidden else iter(splits)
    paths = []
    while chunk := list(islice(rest, SPLITS_PER_FILE)):
        paths.append(_write(folder, "splits", dump_splits(chunk)))
    return tuple(paths)


def _without_secrets(split: Split, hidden: Mapping[str, str]) -> Split:
    files = (replace(file, path=hidden.get(file.path, file.path)) for file in split.files)
    return replace(split, files=tuple(files))


def _write(folder: str, kind: str, data: bytes) -> str:
    name = f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    path = storage.join(folder, name)
    storage.write_atomic(path, data)
    return path
