"""What reaches stderr: our warnings, not what libraries say; JSON where that is asked for."""

import json
import logging
import threading
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


@pytest.mark.parametrize(
    ("name", "level", "shown"),
    [
        ("PrismRunner", logging.INFO, False),
        ("apache_beam.runners", logging.ERROR, False),
        ("transformers", logging.WARNING, False),
        ("root", logging.CRITICAL, True),
        ("beam_pipeline.job", logging.WARNING, True),
        ("transforms.storage.lease", logging.WARNING, True),
    ],
)
def test_only_our_warnings_are_shown(name: str, level: int, shown: bool) -> None:
    record = logging.LogRecord(name, level, __file__, 1, "text", None, None)
    assert logs._is_shown(record) == shown


def test_what_a_thread_raises_is_logged_and_not_printed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise ValueError("Multiplexer hanging up")

    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.log_thread_failures()
    with caplog.at_level(logging.INFO, "beam_pipeline"):
        thread = threading.Thread(target=fail, name="engine-s")
        thread.start()
        thread.join()

    assert capsys.readouterr().err == ""
    (record,) = caplog.records
    assert record.getMessage() == "thread engine-s failed"
    assert "Multiplexer hanging up" in caplog.text
