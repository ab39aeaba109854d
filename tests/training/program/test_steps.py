"""How a step is read and computed does not change what is learned."""

from pathlib import Path

import pytest

from tests.training.programs import arguments, history, write_config
from training.__main__ import main


@pytest.mark.parametrize(
    "options",
    [
        {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3},
        {
            "per_device_train_batch_size": 12,
            "dataloader_num_workers": 2,
            "dataloader_persistent_workers": True,
        },
    ],
    ids=["accumulation", "workers"],
)
def test_how_a_step_is_read_does_not_change_what_is_learned(
    mlm: Path, tmp_path: Path, options: dict[str, int]
) -> None:
    losses = []
    for name, how in (("plain", {"per_device_train_batch_size": 12}), ("other", options)):
        shared = {
            "from_config": write_config(tmp_path),
            "max_train_rows": 70,
            "num_train_epochs": 2,
        }
        assert main(arguments(mlm, tmp_path / name, **shared, **how)) == 0
        losses.append(history(tmp_path / name))

    assert len(losses[0]) == 12
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_bf16_trains_without_a_gpu_too(mlm: Path, tmp_path: Path) -> None:
    options = {"from_config": write_config(tmp_path), "max_train_rows": 24}
    assert main([*arguments(mlm, tmp_path / "model", **options), "--bf16"]) == 0

    losses = history(tmp_path / "model")
    assert len(losses) == 3
    assert losses[-1] < losses[0]
