"""What happens to reviews: Beam transforms, and the pure functions that they wire."""

from importlib import import_module
from typing import Any

# The module of each public name: it is loaded with the first name of it that somebody asks for, so
# that training, which uses the functions below, never loads Beam.
_MODULES = {
    "BestFitLayout": "functional.rows.best_fit",
    "BlockLayout": "functional.rows.packing",
    "CleanReviews": "cleaning",
    "Cleaning": "functional.reviews.cleaning",
    "CollectLabels": "labels",
    "DropRepeated": "cleaning",
    "FindBadFiles": "rejecting",
    "FindMissingColumns": "reading",
    "FindRepeated": "cleaning",
    "KeepFinished": "writing",
    "LeaveOutFiles": "rejecting",
    "MakeRows": "rows",
    "MaskBlocks": "rows",
    "MaskRecipe": "functional.rows.masking",
    "MeasureReviews": "measuring",
    "ReadReviews": "reading",
    "ReadShards": "finished.reading",
    "ReadSplits": "reading",
    "ReviewColumns": "functional.readers.columns",
    "ReviewsFromDicts": "sources.from_dicts",
    "RowLayout": "functional.rows.padding",
    "ShuffleReviews": "shuffling",
    "SplitFiles": "sources.split_files",
    "SplitSubsets": "rows",
    "Template": "functional.rows.layout",
    "TokenizeReviews": "tokenization",
    "WriteFigures": "measuring",
    "WriteManifest": "committing",
    "WriteRejected": "rejecting",
    "WriteShards": "writing",
    "open_dataset": "finished.views",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Return a public name, from the module that defines it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names too, which nobody has asked for yet."""
    return sorted({*globals(), *_MODULES})
