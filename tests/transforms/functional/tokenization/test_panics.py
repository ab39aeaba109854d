"""What a panic prints is held back, and nothing else."""

import os

import pytest

from transforms.functional.tokenization.panics import unprinted_panics

PANIC = "\nthread '<unnamed>' (42) panicked at src/onig.rs:20:5:\nOnig: over\n"
BACKTRACE = "stack backtrace:\n   0: begin\n             at ./file.rs:1\n   1: end\n"
NOTE = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"


@pytest.mark.parametrize("printed", [PANIC, PANIC + NOTE, PANIC + BACKTRACE + NOTE, PANIC * 2])
def test_a_panic_is_not_printed_and_the_lines_around_it_are(
    printed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with unprinted_panics():
        os.write(2, f"before\n{printed}after\n".encode())
    os.write(2, b"then\n")
    assert capfd.readouterr().err == "before\nafter\nthen\n"


def test_an_error_in_it_leaves_the_screen_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="why"), unprinted_panics():
        raise ValueError("why")
    os.write(2, b"then\n")
    assert capfd.readouterr().err == "then\n"
