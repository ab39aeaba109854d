import pytest

from training.config import TrainingOptions, parse_options
from transforms.functional.errors import UsageError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "nan"], "--weights must be numbers above 0"),
        (["--weights", "-1"], "--weights must be numbers above 0"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--per_device_train_batch_size", "0"], "--per_device_train_batch_size must be at least"),
        (["--max_hours", "0"], "--max_hours must be above 0, got 0"),
        (["--enable_jit_checkpoint"], "SIGTERM saves anyway"),
        (["--label_smoothing_factor", "0.1"], "--label_smoothing_factor, --bf16_full_eval"),
    ],
)
def test_values_that_cannot_be_honoured_are_refused(options: list[str], message: str) -> None:
    line = ["--dataset", "x", "--from_config", "y", "--output_dir", "z"]
    with pytest.raises(UsageError, match=message):
        parse_options([*line, *options])


def test_several_gpus_need_a_process_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingOptions, "n_gpu", 4)
    with pytest.raises(UsageError, match="start with torchrun --nproc_per_node=4"):
        parse_options(["--dataset", "x", "--from_config", "y", "--output_dir", "z"])
