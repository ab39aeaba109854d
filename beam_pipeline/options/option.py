"""How an option is described: once, as the metadata of its field in `JobConfig`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from typing import Any, get_args

from transforms.functional.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Option:
    """What there is to say of an option besides its name, type and default.

    Attributes:
        help: What it does, for `--help` and docs/reference.md.
        goes_with: The option that decides whether this one is read, and its value then; with any
            other value this option has to keep its default.
        must_be: The values that it may have, in words, and a function that tells them.
        decides_bytes: False where it changes how a job runs, but no byte of what it makes.
        is_kept: False where it says nothing about the dataset, whose config.yaml leaves it out.
        omit_default: True for an option that is younger than datasets that stand: with its default,
            which changes no byte, fingerprint and manifest leave it out, so those datasets stay
            the same to a rerun and to `--append`.
    """

    help: str
    goes_with: tuple[str, str] | None = None
    must_be: tuple[str, Callable[[Any], bool]] | None = None
    decides_bytes: bool = True
    is_kept: bool = True
    omit_default: bool = False

    @property
    def text(self) -> str:
        """The help, with what the option goes with."""
        if self.goes_with is None:
            return self.help
        decider, value = self.goes_with
        return f"{self.help}; with --{decider} {value}"


def option(default: Any = MISSING, **description: Any) -> Any:
    """Return a dataclass field with an `Option` as its metadata."""
    return field(default=default, metadata={"option": Option(**description)})


# Options that change how a job runs, and no byte of what it makes; the others of them are no part
# of the dataset's config.yaml either.
job_option = partial(option, decides_bytes=False)
run_option = partial(option, decides_bytes=False, is_kept=False)


def words_of_flag(hint: Any) -> tuple[str, ...] | None:
    """Return the words that a flag may be followed by; None for an option that is no flag."""
    values = get_args(hint)
    if hint is bool or True in values:
        return tuple(value for value in values if isinstance(value, str))
    return None


def option_of(described: Field[Any]) -> Option:
    """Return what a field's metadata says of it."""
    found: Option = described.metadata["option"]
    return found


def check_ranges(config: Any) -> None:
    """Raise `UsageError` for the first option whose value is none that it may have."""
    for described in fields(config):
        must_be, value = option_of(described).must_be, getattr(config, described.name)
        if must_be and not must_be[1](value):
            shown = f"{value:g}" if isinstance(value, float) else value
            raise UsageError(f"--{described.name} must be {must_be[0]}, got {shown}")


def check_all_are_read(config: Any) -> None:
    """Raise `UsageError` for the first option that is given where nothing reads it."""
    for described in fields(config):
        goes_with, value = option_of(described).goes_with, getattr(config, described.name)
        if goes_with is None or value == described.default:
            continue
        decider, needed = goes_with
        if getattr(config, decider) != needed:
            given = f"--{described.name}" if value is True else f"--{described.name} {value}"
            raise UsageError(
                f"{given} goes with --{decider} {needed}, "
                f"got --{decider} {getattr(config, decider)}"
            )
