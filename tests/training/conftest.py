from pathlib import Path

import pytest

from tests.training.datasets import write_classification, write_mlm


@pytest.fixture(scope="session")
def mlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks of 32 tokens in 5 training shards and 1 for validation."""
    return write_mlm(tmp_path_factory.mktemp("mlm"), validation_shards=1)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole reviews in blocks of 32 tokens, in 5 training shards and 1 for validation."""
    return write_mlm(tmp_path_factory.mktemp("fitted"), validation_shards=1, best_fit=True)


@pytest.fixture(scope="session")
def ragged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 2 to 32 tokens with labels, in 3 training shards and 1 for validation."""
    return write_classification(tmp_path_factory.mktemp("ragged"), validation_shards=1)
