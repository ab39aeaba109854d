"""How CSV and TSV files tell fields and records apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How fields and records are told apart.

    Attributes:
        delimiter: What stands between fields.
        quoting: `minimal`: fields may be in double quotes, doubled inside; `none`: a quote is a
            character like others.
        escape: What makes the next character plain text; empty for nothing.
        may_say_sep: True where a line `sep=;` before the header names another delimiter.
    """

    delimiter: str = ","
    quoting: Literal["minimal", "none"] = "minimal"
    escape: str = ""
    may_say_sep: bool = False


def character_of(name: str) -> str:
    """Return the character that an option names: a tab is hard to type in a shell."""
    return "\t" if name in ("tab", r"\t") else name


def can_divide(name: str) -> bool:
    """Return True for what can stand between fields, or escape: a character that ends no line."""
    character = character_of(name)
    return len(character) == 1 and character not in '"\r\n\0'
