"""The errors of the project, one tree.

    ReviewShardsError            the job or the reader stops; exit code 1
    ├── UsageError               the command or its options are wrong; exit code 2
    ├── InputError               an input vanished, or cannot be read
    │   ├── BadInputError        it is damaged, or not what it was: no retry mends it
    │   └── MissingColumnError   it has no such column, or one that holds no text; exit code 2
    ├── OutputError              the output cannot be written, or is another dataset's
    ├── TokenizerError           the tokenizer cannot do what was asked of it; exit code 2
    ├── DatasetError             a dataset cannot be read, or does not fit the model
    ├── LedgerError              reviews or tokens do not add up
    ├── TooManyRejectedError     more bad records than allowed; exit code 3
    ├── ContractError            new reviews are not what was expected of them; exit code 4
    └── StoppedError             training was asked to stop, and can be resumed; exit code 75

Each message is one line that names the value and the cure: it is what a person sees. Secrets in
URLs are masked in all of them, whoever made them, and control characters are escaped.
"""

from transforms.functional.safe_urls import printable


class ReviewShardsError(Exception):
    """Base of every error that this project raises on purpose."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        """Take the message, as people may see it."""
        super().__init__(printable(message))


class UsageError(ReviewShardsError):
    """The command, an option or the configuration is wrong."""

    exit_code = 2


class InputError(ReviewShardsError):
    """An input is missing, or cannot be read."""


class BadInputError(InputError):
    """An input is damaged, is not what its name says, or not what it was: no retry mends it."""


class MissingColumnError(InputError):
    """An input has no column of that name, or its values are of another kind."""

    exit_code = 2


class OutputError(ReviewShardsError):
    """The output cannot be written, or holds another dataset."""


class TokenizerError(ReviewShardsError):
    """The tokenizer cannot be loaded, or cannot do what the task needs."""

    exit_code = 2


class DatasetError(ReviewShardsError):
    """A finished dataset cannot be read, or does not fit what it is used for."""


class LedgerError(ReviewShardsError):
    """Reviews or tokens in are not equal to written + rejected + dropped."""


class TooManyRejectedError(ReviewShardsError):
    """More records were rejected than `max_rejected_fraction` allows."""

    exit_code = 3


class ContractError(ReviewShardsError):
    """New reviews break what `--expect` says of them; a line for each expectation."""

    exit_code = 4


class StoppedError(ReviewShardsError):
    """Training was asked to stop before its end, and saved what the next run resumes from."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later.


def damage_of(error: BaseException) -> type[InputError]:
    """Return the class for what reading a damaged file raises.

    What the system says, of a disk or a network, may be otherwise when it is tried again.
    """
    is_of_system = isinstance(error, OSError) and error.errno is not None
    return InputError if is_of_system else BadInputError
