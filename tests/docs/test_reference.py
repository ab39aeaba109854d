"""docs/reference.md says what the parser says. To refresh its table, print `option_table()`."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields

from beam_pipeline.engines import interrupts
from beam_pipeline.options.command_line import make_parser
from beam_pipeline.options.config import JobConfig
from tests.paths import ROOT
from transforms.functional import errors

_REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")


def option_table() -> str:
    """Return the rows of the table of options."""
    defaults = {field.name: field.default for field in fields(JobConfig)}
    rows = []
    for action in make_parser()._actions:
        if action.dest == "help" or action.option_strings[0].startswith("--no_"):
            continue
        default = defaults.get(action.dest)
        unset = any(default is nothing for nothing in (MISSING, None, False)) or default in ((), "")
        given = "" if unset else f"`{default}`"
        if default is MISSING:
            given = "required"
        values = " " + "\\|".join(action.choices) if action.choices else ""
        if action.nargs == "?":  # A flag that may say how.
            values = f"[={'|'.join(action.choices or ())}]"
        text = re.sub(r" \(default: .*\)$", "", str(action.help)).replace("|", "\\|")
        rows.append(f"| `{action.option_strings[0]}{values}` | {given} | {text} |")
    return "\n".join(rows) + "\n"


def test_every_option_stands_in_the_reference_as_the_parser_has_it() -> None:
    assert option_table() in _REFERENCE


def test_every_exit_code_stands_there() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.ReviewShardsError)}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", _REFERENCE, re.MULTILINE)}
    assert listed == codes | {0, interrupts.EXIT_CODE}


def test_every_message_of_the_troubleshooting_is_one_that_the_program_prints() -> None:
    root = ROOT
    text = (root / "docs" / "troubleshooting.md").read_text("utf-8")
    folders = ("beam_pipeline", "transforms")
    sources = "".join(path.read_text() for name in folders for path in (root / name).rglob("*.py"))
    source = re.sub(r'"\s*f?"', "", sources)  # A message may go on in the next line.
    shown = [
        message
        for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
        for message in re.findall(r"`([^`]+)`", row)
    ]
    assert len(shown) > 15
    assert [message for message in shown if message.split(" '")[0] not in source] == []
