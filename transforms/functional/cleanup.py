"""Cleaning up after a block of code, without hiding what went wrong in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from transforms.functional.errors import ReviewShardsError

_logger = logging.getLogger(__name__)


@contextmanager
def cleaning_up(clean_up: Callable[[], None]) -> Iterator[None]:
    """Run a block, and then a clean-up, whatever came of the block.

    A block's error stays the error, and a clean-up that fails is added to it as a note. After a
    block that succeeded it is a warning: the next run removes what was left.
    """
    with cleaning_up_failures(clean_up):
        yield
    try:
        clean_up()
    except ReviewShardsError as failed:
        _logger.warning("%s; the next run removes it", failed)


@contextmanager
def cleaning_up_failures(clean_up: Callable[[], None]) -> Iterator[None]:
    """Run a block, and a clean-up where it fails; the block's error stays the error."""
    try:
        yield
    except BaseException as error:
        clean_up_after(error, clean_up)
        raise


def clean_up_after(error: BaseException, clean_up: Callable[[], None]) -> None:
    """Clean up after an error; what goes wrong with that is added to the error as a note."""
    try:
        clean_up()
    except ReviewShardsError as failed:
        # What `add_note` does, which Python 3.10 lacks.
        vars(error).setdefault("__notes__", []).append(str(failed))
