"""What a dataset did to its texts: kept beside a model, so that it is done to other texts, too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa

from training.reading.dataset import ShardDataset
from transforms import storage
from transforms.functional.errors import UsageError
from transforms.functional.reviews.cleaning import Cleaning, Normalize, clean_texts

PREPROCESSING_FILE = "text_preprocessing.json"  # In the folder of a saved model.


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing:
    """How texts are cleaned, and how tokens become rows; the fields are the job's options.

    Attributes:
        max_length: Most tokens in a row, None: as many as the model reads.
        padding: `max_length` for rows of one length, `longest` for rows padded in batches.
        overflow: What happens to tokens past the first row: dropped, or more rows.
        stride: Tokens that one window shares with the next.
        strip_html: Take tags and comments out, and replace character references.
        normalize: The Unicode form, `none` for the text as it is.
    """

    max_length: int | None = None
    padding: Literal["max_length", "longest"] = "longest"
    overflow: Literal["truncate", "windows"] = "truncate"
    stride: int = 0
    strip_html: bool = False
    normalize: Normalize = "none"

    @classmethod
    def of(cls, dataset: ShardDataset) -> TextPreprocessing:
        """Return what was done to a dataset's texts."""
        config = dataset.manifest.config
        names = [field.name for field in fields(cls) if field.name in config]
        found = {name: config[name] for name in names}
        return cls(**{**found, "max_length": dataset.max_length})

    @classmethod
    def read(cls, folder: str) -> TextPreprocessing:
        """Return what is said beside a model; of a model of others: no cleaning, texts cut off.

        Raises:
            UsageError: the file is damaged.
        """
        file = Path(folder, PREPROCESSING_FILE)
        if not file.exists():
            return cls()
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{file} is damaged: copy the model again ({error})") from error

    def write(self, folder: str) -> None:
        """Write it beside a model."""
        content = json.dumps(asdict(self), indent=1) + "\n"
        storage.write_atomic(str(Path(folder, PREPROCESSING_FILE)), content.encode())

    def clean(self, texts: Sequence[str]) -> list[str]:
        """Return clean texts."""
        cleaning = Cleaning(strip_html=self.strip_html, normalize=self.normalize)
        _, clean = clean_texts(pa.array(texts, pa.large_string()), cleaning)
        cleaned: list[str] = clean.to_pylist()
        return cleaned
