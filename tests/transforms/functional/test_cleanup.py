"""Cleaning up never hides what went wrong, and undoes no success."""

import logging

import pytest

from transforms.functional.cleanup import clean_up_after, cleaning_up
from transforms.functional.errors import InputError, OutputError


def fail() -> None:
    raise OutputError("cannot remove lease.json")


def test_the_first_error_stays_and_the_clean_up_is_added_to_it() -> None:
    with pytest.raises(InputError, match="the cause") as raised, cleaning_up(fail):
        raise InputError("the cause")
    assert raised.value.__notes__ == ["cannot remove lease.json"]

    with pytest.raises(KeyboardInterrupt) as interrupted, cleaning_up(fail), cleaning_up(fail):
        raise KeyboardInterrupt
    assert len(interrupted.value.__notes__) == 2


def test_behind_a_success_it_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with cleaning_up(fail):
        pass
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "cannot remove lease.json; the next run removes it" in caplog.text


def test_what_can_be_cleaned_up_is_said_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    error = InputError("the cause")
    clean_up_after(error, lambda: done.append(1))
    with cleaning_up(lambda: done.append(2)):
        pass
    assert (done, caplog.records, hasattr(error, "__notes__")) == ([1, 2], [], False)
