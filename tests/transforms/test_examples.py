"""The examples in the docstrings of the transforms, run as they stand there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.functional.cleaning import Cleaning
from transforms.functional.masking import MaskRecipe
from transforms.functional.padding import RowLayout
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.splits import Split
from transforms.functional.template import Template
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.packing import PackBlocks
from transforms.reading import read_split
from transforms.tokenization import tokenize_part

_ROOT = Path(__file__).parents[2]
_MODULES = ["cleaning", "masking", "packing", "reading", "rejecting", "tokenization", "writing"]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """Return what the examples say they are given, made of the project's sample."""
    sample = _ROOT / "tests" / "sample"
    file = FileRange(source=0, path=str(sample / "reviews.jsonl"), format="jsonl")
    split = Split(number=0, files=(file,))
    columns = ReviewColumns(text="text")
    parts = list(read_split(split, columns=columns, sample_by="line", part_bytes=1 << 25))
    tokenizer = ReviewTokenizer((sample / "tokenizer" / "tokenizer.json").read_bytes())
    tokenized = [tokenize_part(part, tokenizer) for part in parts]
    template = Template(prefix=(1,), suffix=(2,))
    return {
        "beam": beam, "FnApiRunner": FnApiRunner, "Cleaning": Cleaning, "Template": Template,
        "ReviewColumns": ReviewColumns, "splits": [split], "parts": parts, "tokenized": tokenized,
        "packed": [PackBlocks(128, template=template).make_rows(part) for part in tokenized],
        "layout": RowLayout(max_length=128, template=template, padding="longest"),
        "recipe": MaskRecipe(
            mask_id=4, vocab_size=4000, special_ids=(0, 1, 2, 3, 4), probability=0.15,
            whole_words=False, seed=0,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("module", _MODULES)
def test_the_examples_give_what_they_show(
    module: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(_ROOT)
    found = importlib.import_module(f"transforms.{module}")
    done = doctest.testmod(found, extraglobs={**names, "folder": str(tmp_path)})
    assert done.attempted > 0
    assert done.failed == 0
