"""Beam's options, with each group of them parsed once."""

from __future__ import annotations

from typing import Any, cast

from apache_beam.options.pipeline_options import PipelineOptions, PipelineOptionsT


class RememberedOptions(PipelineOptions):
    """Pipeline options that keep the views they gave.

    Beam asks for six views for each transform that is added to a pipeline, and makes a parser for
    each: half of the time that building this job's pipeline takes. All views of some options share
    their values, so that one view of a kind serves as well as many.
    """

    def view_as(self, cls: type[PipelineOptionsT]) -> PipelineOptionsT:
        """Return the view of these options as another class, the same one each time."""
        # Not as an attribute: Beam's options refuse to have others than options.
        views: dict[type[PipelineOptions], PipelineOptions]
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return cast("PipelineOptionsT", views[cls])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views behind: what Beam takes out of a copy's options would stay in them."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_views"}
