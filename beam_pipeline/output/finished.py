"""Whether an output already holds what a job would make there."""

from __future__ import annotations

import json
from collections.abc import Iterable

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan
from transforms.functional.dataset.commit import ManifestDraft
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import OutputError


def is_finished(config: JobConfig, plan: Plan, draft: ManifestDraft, there: Manifest) -> bool:
    """Return True where the output holds what the job would make, so that nothing is to do.

    Raises:
        OutputError: it is another dataset, and `append` does not say what then.
    """
    if there.fingerprint != draft.manifest.fingerprint:
        raise _other(config, f"holds another dataset ({_differences(draft.manifest, there)})")
    if list(there.excluded) != list(draft.manifest.excluded):
        what = _changed(there.excluded, draft.manifest.excluded)
        raise _other(config, f"holds a dataset with another --exclude ({what})")
    if config.append:
        return not plan.files
    inputs = [file.entry for file in plan.files]
    if list(there.inputs) != inputs:
        what = _changed(there.inputs, inputs)
        raise _other(
            config,
            f"holds a dataset of other inputs ({what})",
            "pass --append to add those that are new, ",
        )
    return True


def _other(config: JobConfig, what: str, cure: str = "") -> OutputError:
    return OutputError(
        f"{config.output} {what}: {cure}choose another --output, or pass --overwrite to replace it"
    )


def _differences(wanted: Manifest, there: Manifest) -> str:
    mine = json.loads(json.dumps(wanted.config))
    names = [name for name in {**mine, **there.config} if there.config.get(name) != mine.get(name)]
    return ", ".join(f"--{name} {there.config.get(name)}" for name in names) or "another tokenizer"


def _changed(there: Iterable[InputEntry], wanted: Iterable[InputEntry]) -> str:
    before = {entry.path: entry for entry in there}
    now = {entry.path: entry for entry in wanted}
    for path in sorted(before.keys() | now.keys()):
        if path not in now:
            return f"{path} is not among them now"
        if path not in before:
            return f"{path} was not among them"
        if before[path] != now[path]:
            return f"{path} has changed since"
    return "their order differs"
