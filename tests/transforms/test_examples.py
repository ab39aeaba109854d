"""The examples in the docstrings of the transforms, run as they stand there."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

import transforms
from tests.jobs import run
from tests.paths import ROOT
from tests.transforms.functional.dataset.test_commit import DRAFT, INPUTS
from transforms.functional.dataset.commit import ManifestDraft
from transforms.functional.dataset.manifest_entries import Generation, ShardEntry
from transforms.functional.dataset.receipts import FINGERPRINT
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.records import Records
from transforms.functional.reviews.bad_files import BadFile
from transforms.functional.reviews.cleaning import Cleaning
from transforms.functional.reviews.duplicates import REPEATED
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.splits import Split, dump_splits
from transforms.functional.rows.layout import Template
from transforms.functional.rows.masking import MaskRecipe
from transforms.functional.rows.packing import BlockLayout
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.reading import ReadReviews, read_split
from transforms.rejecting import WriteRejected
from transforms.rows import MakeRows, make_rows
from transforms.tokenization import tokenize_part
from transforms.writing import WriteShards

_SAMPLE = ROOT / "tests" / "sample"


def _public_transforms() -> list[type[beam.PTransform]]:
    """Return the transforms that the modules of `transforms` define, in order of their names."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(transforms.__path__, "transforms.")
    ]
    return [
        value
        for module in modules
        for name, value in sorted(vars(module).items())
        if isinstance(value, type)
        and issubclass(value, beam.PTransform)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def _split(number: int) -> Split:
    path = str(_SAMPLE / "reviews.jsonl")
    return Split(number=number, files=(FileRange(source=number, path=path, format="jsonl"),))


def _read(split: Split) -> list[Part]:
    columns = ReviewColumns(text="text")
    return list(read_split(split, columns=columns, sample_by="line", part_bytes=1 << 25))


def _draft() -> ManifestDraft:
    """Return the draft of a job of one split, for training alone."""
    manifest = dataclasses.replace(
        DRAFT.manifest,
        subsets={"train": Records.of(ShardEntry)},
        generations=(Generation(number=1, inputs=0, splits=1),),
    )
    return dataclasses.replace(DRAFT, manifest=manifest, n_splits=1)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the examples say they are given, made of the project's sample."""
    parts = _read(_split(0))
    tokenizer = ReviewTokenizer((_SAMPLE / "tokenizer" / "tokenizer.json").read_bytes())
    tokenized = [tokenize_part(part, tokenizer) for part in parts]
    template = Template(prefix=(1,), suffix=(2,))
    blocks = BlockLayout(max_length=128, template=template)
    packed = [make_rows(part, blocks) for part in tokenized]
    finished, inputs = (tmp_path_factory.mktemp("given") / name for name in ("finished", "inputs"))
    writing = WriteShards(str(finished), vocab_size=4000, metadata={FINGERPRINT: "f00d"})
    for part in packed:
        writing.write(part)
    inputs.write_bytes(INPUTS.to_parquet())
    dataset = tmp_path_factory.mktemp("dataset") / "out"
    assert run(dataset, "--task", "classification", "--max_length", "32") == 0
    return {
        "beam": beam, "FnApiRunner": FnApiRunner, "Cleaning": Cleaning, "Template": Template,
        "ReviewColumns": ReviewColumns, "WriteRejected": WriteRejected, "WriteShards": WriteShards,
        "dump_splits": dump_splits, "REPEATED": REPEATED,
        "ReadReviews": ReadReviews, "BadFile": BadFile, "splits": [_split(0)], "parts": parts,
        "copies": [*parts, *_read(_split(1))], "tokenized": tokenized, "packed": packed,
        "finished": str(finished), "dataset": str(dataset), "inputs": str(inputs),
        "draft": _draft(),
        "BlockLayout": BlockLayout,
        "recipe": MaskRecipe(
            mask_id=4, vocab_size=4000, special_ids=(0, 1, 2, 3, 4), probability=0.15,
            whole_words=False, seed=0,
        ),
    }  # fmt: skip


def test_the_walk_finds_transforms() -> None:
    # An empty walk would run no example, and say nothing.
    assert {MakeRows, WriteRejected, WriteShards} < set(_public_transforms())


@pytest.mark.parametrize("transform", _public_transforms(), ids=lambda found: found.__name__)
def test_every_public_transform_has_an_example_that_gives_what_it_shows(
    transform: type[beam.PTransform],
    names: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    given = {**names, "folder": str(tmp_path)}
    [found] = doctest.DocTestFinder(recurse=False).find(transform, extraglobs=given)
    assert found.examples, f"the docstring of {found.name} has no example"
    assert doctest.DocTestRunner().run(found).failed == 0
