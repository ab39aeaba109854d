"""What holds for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import settings

# A machine that is busy with something else is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="module", autouse=True)
def _without_charts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write `report.html` without its charts, which take half of the time of a small job.

    A module whose tests are about the report, or about unusual datasets, is marked `draws_report`.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("draws_report") is None:
            page = ModuleType("beam_pipeline.report.page")
            page.render = lambda document, output: "<!doctype html>"  # type: ignore[attr-defined]
            patch.setitem(sys.modules, page.__name__, page)
        yield
