"""Run one transform over a few elements, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.util import assert_that


def check(
    elements: Sequence[Any], transform: beam.PTransform, matcher: Callable[[list[Any]], None]
) -> None:
    """Apply `transform` to a PCollection of `elements`, and `matcher` to what comes out."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        assert_that(pipeline | beam.Create(elements) | transform, matcher)
