"""What holds for all tests."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings

from beam_pipeline.plan.auto_tokenizer import answers
from beam_pipeline.plan.auto_tokenizer.__main__ import answer_for

# A machine that is busy with something else is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Take back what a test, or what it calls, changes in the environment of this process.

    The next test in this process would start its programs with it.
    """
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="module", autouse=True)
def _without_charts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write `report.html` without its charts, which take half of the time of a small job.

    A module whose tests are about the report, or about unusual datasets, is marked `draws_report`.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.node.get_closest_marker("draws_report") is None:
            page = ModuleType("beam_pipeline.report.page")
            page.render = lambda document, output: "<!doctype html>"  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, page.__name__, page)
        yield


@pytest.fixture(autouse=True, scope="session")
def _ask_in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Load transformers once for all tests, instead of once for each tokenizer that they make.

    What is remembered lies in a folder of these tests.
    """

    def ask_library(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as scratch:
            for file, data in files.items():
                Path(scratch, file).write_bytes(data)
            return answer_for(scratch)

    cache = tmp_path_factory.mktemp("remembered")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(answers, "ask_library_in_a_process", ask_library)
        monkeypatch.setattr(answers, "cache_folder", lambda: cache)
        yield
