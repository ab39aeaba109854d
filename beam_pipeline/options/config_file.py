"""YAML files that options name: `--config job.yaml`, which a dataset keeps too, and `--expect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import yaml

from beam_pipeline.options.beam_options import beam_names, names_of_job_server, nearest, to_mapping
from beam_pipeline.options.config import JobConfig
from beam_pipeline.options.option import option_of, words_of_flag
from transforms import storage
from transforms.functional.errors import UsageError
from transforms.functional.figures.contract import Contract


def read_config_file(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return our options in a YAML file by name, and Beam's.

    Raises:
        UsageError: there is no such file, it is no mapping, or a name or a value is wrong.
    """
    hints = get_type_hints(JobConfig)
    document = _load_yaml(path, "--config")
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise UsageError(
            f"--config {path} holds no options: write a line `name: value` for each, with the "
            f"names of the flags (`max_length: 512`)"
        )
    others = {name: value for name, value in document.items() if name not in hints}
    if others:
        _check_names(path, others, list(hints))
    ours = {
        name: _checked(path, name, value, hints[name])
        for name, value in document.items()
        if name in hints
    }
    return ours, others


def config_text(config: JobConfig, beam_arguments: Sequence[str], *, one_line: bool = False) -> str:
    """Return the options of a job as YAML that `--config` takes; secrets are masked.

    Args:
        one_line: For people to look at: one mapping in braces, wrapped, and no option that has
            its default.
    """
    options: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if not option_of(field).is_kept or (one_line and value == field.default):
            continue
        options[field.name] = list(value) if isinstance(value, tuple) else value
    options |= to_mapping(beam_arguments)
    text = yaml.safe_dump(
        options, sort_keys=False, allow_unicode=True, width=96, default_flow_style=one_line or None
    )
    return storage.mask_secrets(text.strip() if one_line else text)


class _Loader(yaml.SafeLoader):
    """YAML as it is written down: the last of two equal keys does not silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(name) for name, _ in node.value]
        for place, name in enumerate(names):
            if name in names[:place]:
                mark = node.value[place][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{name} twice", mark)
        return super().construct_mapping(node, deep)


def read_contract(path: str) -> Contract | None:
    """Return the contract in a YAML file, None where no file is named.

    Raises:
        UsageError: there is no such file, or it holds no contract.
    """
    if not path:
        return None
    try:
        return Contract.parse(_load_yaml(path, "--expect"))
    except UsageError as error:
        message = str(error)
        raise UsageError(message if path in message else f"--expect {path}: {message}") from None


def _load_yaml(path: str, flag: str) -> object:
    """Return what the YAML file holds that an option names."""
    try:
        document: object = _Loader(storage.read_bytes(path)).get_single_data()
    except FileNotFoundError:
        raise UsageError(f"{flag} {path}: there is no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"{flag} {path} is not YAML: {why}") from None
    return document


def _check_names(path: str, others: Mapping[str, Any], our_names: Sequence[str]) -> None:
    known = beam_names()
    if not others.keys() <= {*known} and "job_endpoint" in others:
        known += names_of_job_server(others["job_endpoint"])
    for name in others:
        if name not in known:
            hint = nearest(name.replace("-", "_"), [*our_names, *known])
            raise UsageError(
                f"--config {path}: unknown key {name!r}: {hint or '--help names all options'}"
            )


def _checked(path: str, name: str, value: Any, hint: Any) -> Any:
    """Return a value as `JobConfig` takes it: the types are those of the flag."""
    choices, words = get_args(hint), words_of_flag(hint)
    if words is not None:
        if type(value) is bool or value in words:
            return value
        needed = " or ".join(("true, false" if words else "true", *(words or ("false",))))
    elif hint == tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
        needed = "text, or a list of texts"
    elif choices:
        if value in choices:
            return value
        needed = f"one of {', '.join(choices)}"
    elif hint is float:
        if type(value) in (int, float):
            return float(value)
        needed = "a number, as 0.15"
    else:
        if type(value) is hint:
            return value
        needed = {int: "a whole number", str: "text (put it in quotes)"}[hint]
    given = yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
    raise UsageError(f"--config {path}: {name} must be {needed}, got {given}")
