"""Whatever a runner makes of an error, the person reads ours."""

import pytest

from beam_pipeline.engines.failures import error_of
from transforms.functional.errors import InputError, ReviewShardsError, TooManyRejectedError

_REMOTE = """Traceback (most recent call last):
  File "common.py", line 1512, in process
transforms.functional.errors.InputError: in.parquet: not readable: cut short

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 310, in _execute
transforms.functional.errors.InputError: in.parquet: not readable: cut short [while running 'Read']
"""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RuntimeError(_REMOTE), InputError("in.parquet: not readable: cut short")),
        (InputError("gone [while running 'ReadReviews/ReadParts']"), InputError("gone")),
        (TooManyRejectedError("5 of 9"), TooManyRejectedError("5 of 9")),
    ],
)
def test_our_errors_come_back_with_their_class(raised: Exception, expected: Exception) -> None:
    found = error_of(raised)
    assert (type(found), str(found)) == (type(expected), str(expected))


def test_other_errors_keep_their_last_line() -> None:
    found = error_of(RuntimeError("Traceback ...\n  File ...\nMemoryError: 3 GB\n"))
    assert type(found) is ReviewShardsError
    assert str(found) == "the job failed: RuntimeError: MemoryError: 3 GB (--debug shows all of it)"


def test_a_lost_worker_is_said_with_the_cure() -> None:
    found = error_of(RuntimeError("Traceback ...\nRuntimeError: Channel closed prematurely."))
    assert type(found) is ReviewShardsError
    assert "a worker process ended" in str(found)
    assert "run the same command again" in str(found)
