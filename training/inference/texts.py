"""Texts in, a line each, and predictions out: plain or JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Literal

from training.inference.predictor import Prediction

TextFormat = Literal["text", "jsonl"]

_MARK = "\ufeff".encode()  # Before the first line of some files.


@dataclass(frozen=True)
class TextLine:
    """A line that holds a text, or should.

    Attributes:
        text: The text.
        fields: Of JSON Lines: all fields of the object.
        problem: Why it holds no text, empty where it does.
    """

    text: str
    fields: dict[str, Any] | None = None
    problem: str = ""


def read_texts(stream: IO[bytes], form: TextFormat, column: str) -> Iterator[TextLine]:
    """Yield each line's text; lines end at a line feed, and nowhere else.

    Args:
        stream: The lines.
        form: `text` for lines that are texts, `jsonl` for objects.
        column: The objects' field that holds the text.
    """
    for number, line in enumerate(stream):
        data = line.removeprefix(_MARK) if number == 0 else line
        data = data.removesuffix(b"\n").removesuffix(b"\r")
        yield _json_line(data, column) if form == "jsonl" else _plain_line(data)


def _plain_line(data: bytes) -> TextLine:
    try:
        return TextLine(data.decode())
    except UnicodeDecodeError:
        return TextLine(data.decode(errors="replace"), problem="not UTF-8")


def _json_line(data: bytes, column: str) -> TextLine:
    if not data.strip():
        return TextLine("")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return TextLine(data.decode(errors="replace"), problem="not JSON")
    if not isinstance(fields, dict):
        return TextLine(data.decode(errors="replace"), problem="no JSON object")
    text = fields.get(column)
    if not isinstance(text, str):
        return TextLine("", fields, f"no string in the field {column!r}")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return TextLine("", fields, "half a surrogate pair")
    return TextLine(text, fields)


def as_tab_separated(line: TextLine, prediction: Prediction) -> str:
    """Return label and probability of each prediction, and the text; without one both are empty."""
    found = [f"{name}\t{probability:.4f}" for name, probability in prediction.found] or ["\t"]
    return "\t".join([*found, line.text.replace("\r", " ").replace("\n", " ")])


def as_json(line: TextLine, prediction: Prediction) -> str:
    """Return the line's fields, the predictions as `transformers.pipeline` names them, and why not.

    All but ASCII is escaped: the output is the same in every locale.
    """
    fields: dict[str, Any] = dict(line.fields) if line.fields is not None else {"text": line.text}
    fields["predictions"] = [
        {"label": name, "score": round(probability, 6)} for name, probability in prediction.found
    ]
    if prediction.problem:
        fields["error"] = prediction.problem
    return json.dumps(fields)
