import io
from typing import Any

import pytest

from training.inference.predictor import Prediction
from training.inference.texts import TextLine, as_json, as_tab_separated, read_texts


def lines_of(data: bytes, form: Any = "text") -> list[TextLine]:
    return list(read_texts(io.BytesIO(data), form, "text"))


def test_lines_end_at_a_line_feed_and_nowhere_else() -> None:
    data = "\ufeffone\u0085still one\u2028\r\n\nlast".encode()

    assert [line.text for line in lines_of(data)] == ["one\x85still one\u2028", "", "last"]


@pytest.mark.parametrize(
    ("data", "form", "problem"),
    [
        (b"caf\xe9", "text", "not UTF-8"),
        (b"caf\xe9", "jsonl", "not JSON"),
        (b"[" * 10_000, "jsonl", "not JSON"),
        (b"[]", "jsonl", "no JSON object"),
        (b'{"text": null}', "jsonl", "no string in the field 'text'"),
        (b'{"text": "\\ud800"}', "jsonl", "half a surrogate pair"),
    ],
)
def test_a_line_without_a_text_says_why(data: bytes, form: str, problem: str) -> None:
    [line] = lines_of(data, form)

    assert line.problem == problem


def test_a_prediction_is_one_line_whatever_the_text_holds() -> None:
    line, found = TextLine("a\tb\r\nc"), Prediction([("pos", 0.75), ("neg", 0.25)])

    assert as_tab_separated(line, found) == "pos\t0.7500\tneg\t0.2500\ta\tb  c"
    assert as_tab_separated(line, Prediction([], "no token in it")) == "\t\ta\tb  c"
    assert as_json(TextLine("x", {"id": 3}, ""), Prediction([("pos", 0.75)])) == (
        '{"id": 3, "predictions": [{"label": "pos", "score": 0.75}]}'
    )
    assert as_json(TextLine("\x85"), Prediction([], "no token in it")) == (
        '{"text": "\\u0085", "predictions": [], "error": "no token in it"}'
    )
