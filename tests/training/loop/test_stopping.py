"""Asking a run to stop: signals and the clock."""

import os
import signal
import time
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from training.loop.stopping import SIGNALS, StopRequest, StopWhenAsked, reason_of


@pytest.fixture
def arguments(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True, save_only_model=True)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_for_a_stop_and_ends_nothing(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest(None) as request:
        assert request.code() == 0
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 10  # Another thread may take it a moment later.
        while not request.code() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert reason_of(request.code()) == number.name
    assert signal.getsignal(number) == before


def test_the_clock_asks_for_a_stop() -> None:
    assert StopRequest(1.0).code() == 0
    assert reason_of(StopRequest(0.0).code()) == "--max_hours"


def test_a_stop_saves_at_the_step_and_evaluates_nothing(arguments: TrainingArguments) -> None:
    callback, control = StopWhenAsked(StopRequest(0.0)), TrainerControl(should_evaluate=True)
    callback.on_step_end(arguments, TrainerState(global_step=3, max_steps=9), control)

    assert (control.should_training_stop, control.should_save) == (True, True)
    assert not control.should_evaluate
    assert not arguments.save_only_model
    assert callback.reason == "--max_hours"

    # The trainer ends an epoch that was broken off as one that has ended.
    control.should_save = control.should_evaluate = True
    callback.on_epoch_end(arguments, TrainerState(), control)
    assert not control.should_save
    assert not control.should_evaluate


def test_a_run_that_is_asked_at_its_last_step_ends_as_any_other(
    arguments: TrainingArguments,
) -> None:
    callback, control = StopWhenAsked(StopRequest(0.0)), TrainerControl()
    callback.on_step_end(arguments, TrainerState(global_step=9, max_steps=9), control)
    assert callback.reason is None
    assert not control.should_save
