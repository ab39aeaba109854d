"""`--expect contract.yaml`: what new reviews must be, in a file."""

from __future__ import annotations

from beam_pipeline.options.config_file import load_yaml
from transforms.functional.errors import UsageError
from transforms.functional.figures.contract import Contract


def read_contract(path: str) -> Contract | None:
    """Return the contract in a YAML file, None where no file is named.

    Raises:
        UsageError: there is no such file, or it holds no contract.
    """
    if not path:
        return None
    try:
        return Contract.parse(load_yaml(path, "--expect"))
    except UsageError as error:
        message = str(error)
        raise UsageError(message if path in message else f"--expect {path}: {message}") from None
