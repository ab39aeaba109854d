"""Prism makes the dataset that this process makes, with its workers here or in a pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.local_engines import LocalEngine
from tests.oracle import make

SMALL_PARTS = ("--part_bytes", "15000", "--max_length", "64")
JOBS = {
    "mlm": ("--task", "mlm", "--validation_fraction", "0.2"),
}


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_workers_here(prism: LocalEngine, tmp_path: Path, job: str) -> None:
    options = (*JOBS[job], *SMALL_PARTS)
    expected = make(tmp_path / "here", *options)

    made = make(tmp_path / "there", *options, *prism.options)

    assert made.manifest.content_sha256() == expected.manifest.content_sha256()
