"""Whether an output already holds what a job would make there."""

from __future__ import annotations

import json
from collections.abc import Iterable

from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import OutputError


def is_finished(recipe: DatasetRecipe, plan: Plan, there: Manifest) -> bool:
    """Return True where the output holds what the job would make, so that nothing is to do.

    Raises:
        OutputError: it is another dataset, and `append` does not say what then.
    """
    wanted, cure = recipe.manifest_draft(plan).manifest, ""
    if there.fingerprint != wanted.fingerprint:
        what = f"holds another dataset ({_differences(wanted, there)})"
    elif list(there.excluded) != list(wanted.excluded):
        changed = _changed(there.excluded, wanted.excluded)
        what = f"holds a dataset with another --exclude ({changed})"
    elif recipe.config.append:
        return not plan.files
    elif list(there.inputs) != (inputs := [file.entry for file in plan.files]):
        what = f"holds a dataset of other inputs ({_changed(there.inputs, inputs)})"
        cure = "pass --append to add those that are new, "
    else:
        return True
    raise OutputError(
        f"{recipe.config.output} {what}: {cure}choose another --output, or pass --overwrite to "
        f"replace it"
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
