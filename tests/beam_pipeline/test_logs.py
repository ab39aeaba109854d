"""With `--log_format json` each line on stderr is a JSON object, without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest

from beam_pipeline import logs
from beam_pipeline.console import exit_code_of
from transforms.functional.errors import OutputError


@pytest.fixture(autouse=True)
def _text_afterwards() -> Iterator[None]:
    yield
    logs.set_up_logging(debug=False)


def formatted(message: str) -> str:
    record = logging.LogRecord("beam_pipeline.job", logging.WARNING, "", 1, message, None, None)
    record.created = 1774828800.25
    return logs._formatter.format(record)


def test_a_log_line_is_text_or_json() -> None:
    said = 'from s3://a:b@bucket\x1b[2J "now"'
    assert formatted(said) == ('WARNING:beam_pipeline.job:from s3://***@bucket\\x1b[2J "now"')
    logs.set_up_logging(debug=False, log_format="json")
    assert json.loads(formatted(said)) == {
        "time": "2026-03-30T00:00:00.250Z",
        "level": "WARNING",
        "logger": "beam_pipeline.job",
        "message": 'from s3://***@bucket\\x1b[2J "now"',
    }


def test_so_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise OutputError("no room\nat all")

    logs.set_up_logging(debug=False, log_format="json")
    assert exit_code_of(fail, interrupted="") == 1
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["level"], said["message"]) == ("ERROR", "error: no room\nat all")
