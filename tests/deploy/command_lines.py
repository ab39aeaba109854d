"""The command lines in documents, to be read by the programs' own parsers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A line that goes on after a backslash.
_CONTINUED = re.compile(r"\\\n\s*")
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BEAM = re.compile(r"python3? -m beam_pipeline (?P<rest>.*)")
_TORCHRUN = re.compile(r"torchrun (?P<rest>.* -m training .*)")
_TRAINING = re.compile(r"python3? -m training (?P<rest>.*)")


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A command line in a document; `program` is beam_pipeline, training or torchrun."""

    place: str
    program: str
    arguments: tuple[str, ...]


def command_lines(path: Path) -> Iterator[CommandLine]:
    """Yield the command lines in the fenced blocks of a Markdown file."""
    for number, block in enumerate(_BLOCK.findall(path.read_text()), start=1):
        for line in _CONTINUED.sub("", block).splitlines():
            place = f"{path.name}, block {number}"
            for program, pattern in (
                ("beam_pipeline", _BEAM),
                ("torchrun", _TORCHRUN),
                ("training", _TRAINING),
            ):
                found = pattern.search(line)
                if found:
                    arguments = tuple(shlex.split(found["rest"], comments=True))
                    yield CommandLine(place=place, program=program, arguments=arguments)
