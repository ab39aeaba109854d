"""`review-shards COMMAND ...`: one command for all programs of this package."""

from __future__ import annotations

import difflib
import os
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from beam_pipeline.console import exit_code_of, run_program, say
from transforms.functional.errors import UsageError


@dataclass(frozen=True)
class Command:
    """One of the programs.

    Attributes:
        module: `python -m MODULE` runs it, too.
        help: What it does.
        arguments: What it is given besides the user's arguments.
        needs: A package that only an extra brings.
        extra: That extra.
    """

    module: str
    help: str
    arguments: tuple[str, ...] = ()
    needs: str = ""
    extra: str = ""

    def can_run(self) -> bool:
        """Return False where the extra is missing."""
        return not self.needs or find_spec(self.needs) is not None


COMMANDS = {
    "make": Command("beam_pipeline", "make a dataset of reviews, or append new ones"),
    "dry-run": Command(
        "beam_pipeline", "say what `make` would read, make and take", arguments=("--dry_run",)
    ),
    "inspect": Command("beam_pipeline.inspect", "say what a dataset is; show a row as text"),
    "verify": Command("beam_pipeline.verify", "check every file of a dataset"),
    "repair": Command(
        "beam_pipeline.verify", "make damaged and missing shards again", arguments=("--repair",)
    ),
    "clean": Command("beam_pipeline.clean", "remove what no manifest names"),
    "generations": Command("beam_pipeline.generations", "list generations, or roll back to one"),
    "export": Command("beam_pipeline.export", "write the rows in another trainer's format"),
    "report": Command("beam_pipeline.report", "draw report.html again"),
    "train": Command(
        "training", "train a model; with torchrun for many GPUs", needs="torch", extra="train"
    ),
    "predict": Command(
        "training.predict", "label texts, or fill masks", needs="torch", extra="train"
    ),
}


def main() -> None:
    """Run the command that the first argument names, as `python -m MODULE` does."""
    # From Python 3.11 on, no file in the user's folder shadows a module, in the processes that
    # this one starts either.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    command = COMMANDS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if command is None or not command.can_run():
        run_program(_explain)
    sys.argv = [sys.argv[0], *command.arguments, *sys.argv[2:]]
    runpy.run_module(command.module, run_name="__main__", alter_sys=True)


def _explain(arguments: Sequence[str]) -> int:
    """Say which commands there are, or what is wrong with the one that was given."""
    return exit_code_of(lambda: _help(arguments), interrupted="nothing was changed")


def _help(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
        usage = "usage: review-shards COMMAND ...; `review-shards COMMAND --help` says more"
        say("\n".join([usage, "", *lines]))
        return 0 if arguments else UsageError.exit_code
    name = arguments[0]
    if name in COMMANDS:
        extra = COMMANDS[name].extra
        raise UsageError(f"`{name}` needs the extra {extra}: pip install 'review-shards[{extra}]'")
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    known = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(COMMANDS)}"
    raise UsageError(f"there is no command {name}: {known}")
