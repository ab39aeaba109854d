"""Beam's options, with each group of them parsed once.

Without it: Beam makes a parser at each look at its options, 340 of them while the job's graph is
built: an eighth of all CPU seconds of a small job.
"""

from __future__ import annotations

from typing import Any, cast

from apache_beam.options.pipeline_options import PipelineOptions, PipelineOptionsT


class CachedOptions(PipelineOptions):
    """Pipeline options that keep the views they gave: all views share the options' values."""

    def view_as(self, cls: type[PipelineOptionsT]) -> PipelineOptionsT:
        """Return the view of these options as another class, the same one each time."""
        # Not as an attribute: Beam's options refuse to have others than options.
        views: dict[type[PipelineOptions], PipelineOptions]
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast("PipelineOptionsT", views[cls])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views out: what Beam takes out of a copy's options would stay in them."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_views"}
