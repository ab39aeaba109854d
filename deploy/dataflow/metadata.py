"""Print the metadata of the Dataflow template: the parameters are the job's own options."""

from __future__ import annotations

import json
from typing import Any

from beam_pipeline.options.command_line import make_parser
from beam_pipeline.options.config import JobConfig

# One run is told these by hand; a template has nobody to read what they print.
_NOT_PARAMETERS = {"help", "config", "dry_run", "quiet", "debug"}


def template_metadata() -> dict[str, Any]:
    """Return what `gcloud dataflow flex-template build --metadata-file` takes.

    Switches are left out: a template passes `--name=value` only.
    """
    required = {name for name in JobConfig.__annotations__ if not hasattr(JobConfig, name)}
    parameters = [
        {
            "name": action.dest,
            "label": f"--{action.dest}",
            "helpText": action.help,
            "isOptional": action.dest not in required,
            "paramType": "TEXT",
            "regexes": [_regex(action)],
        }
        for action in make_parser()._actions
        if action.nargs != 0 and action.dest not in _NOT_PARAMETERS
    ]
    return {
        "name": "Review Shards",
        "description": "Raw reviews in, shards of tokenized tensors out.",
        "streaming": False,
        "parameters": parameters,
    }


def _regex(action: Any) -> str:
    if action.choices:
        return f"^({'|'.join(action.choices)})$"
    return {int: r"^\d+$", float: r"^\d*\.?\d+$"}.get(action.type, "^.+$")


if __name__ == "__main__":
    print(json.dumps(template_metadata(), indent=1))
