"""The program on one process, on one thread, and two models that it has trained."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.programs import arguments, write_config
from training.__main__ import main
from training.config import parse_options
from training.run import run


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mlm_model(mlm: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model trained on masks, and what was reported."""
    folder = tmp_path_factory.mktemp("mlm_model")
    options = {
        "from_config": write_config(folder),
        "per_device_train_batch_size": 8,
        "whole_word_masking": True,
        "report_to": "tensorboard",
    }
    metrics = run(parse_options(arguments(mlm, folder / "model", **options)))
    return {"folder": folder / "model", "metrics": metrics}


@pytest.fixture(scope="session")
def classifier(ragged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier trained on ragged rows."""
    folder = tmp_path_factory.mktemp("classifier")
    options = {
        "from_config": write_config(folder),
        "per_device_train_batch_size": 8,
        "train_sampling_strategy": "group_by_length",
        "num_train_epochs": 2,
    }
    assert main(arguments(ragged, folder / "model", **options)) == 0
    return folder / "model"
