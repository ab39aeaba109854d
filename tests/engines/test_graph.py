"""What an engine gets: coders that give the same bytes, plain keys, functions for any process."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import oracle
from tests.engines.graphs import crossings, functions_of, graph_of
from tests.engines.services import ROOT

CLASSIFICATION = ("--task", "classification")
JOBS = {
    "mlm shuffled": ("--masking", "static", "--validation_fraction", "0.5", "--order", "shuffled"),
    "mlm without duplicates": ("--dedup", "exact", "--strip_html"),
    "classification by name": (*CLASSIFICATION, "--label_column", "name"),
}
# Beam's own key of a global combination is None, and no mapping has a certain order to it. What
# goes there gives the same in any order: sums for the report, and the one mapping of all labels.
_ANY_ORDER = ("AddCounts/", "UniteLabelNames/", "WriteFigures/WriteFigures")
_LABELS = "MapCoder[StrUtf8Coder, VarIntCoder]"

_LOAD = """
import pickle, sys
from apache_beam.internal import pickler
functions = pickle.load(sys.stdin.buffer)
for function in functions:
    pickler.loads(function)
print(len(functions))
"""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("graphs")
    rows = [
        {"text": text, "label": label, "name": ("bad", "good")[label]}
        for text, label in oracle.sample_reviews()
    ]
    reviews = folder / "reviews.jsonl"
    reviews.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {name: graph_of(folder / name, *job, reviews=reviews) for name, job in JOBS.items()}


@pytest.mark.parametrize("job", JOBS)
def test_what_moves_between_workers_always_has_the_same_bytes(
    graphs: dict[str, Any], job: str
) -> None:
    moved = list(crossings(graphs[job]))

    assert len(moved) > 4
    for step, coder in moved:
        certain = coder.is_deterministic() or _LABELS in str(coder)
        assert certain or any(part in step for part in _ANY_ORDER), f"{step}: {coder}"


@pytest.mark.parametrize("job", JOBS)
def test_nothing_that_moves_may_be_none(graphs: dict[str, Any], job: str) -> None:
    """Engines in Java fail on it."""
    for step, coder in crossings(graphs[job]):
        if not any(part in step for part in _ANY_ORDER):
            assert "Nullable" not in str(coder), f"{step}: {coder}"


@pytest.mark.parametrize("job", JOBS)
def test_keys_are_integers_or_text(graphs: dict[str, Any], job: str) -> None:
    grouped = [
        (step, coder)
        for step, coder in crossings(graphs[job], grouped_only=True)
        if not any(part in step for part in _ANY_ORDER)
    ]

    assert bool(grouped) == job.startswith("mlm")
    for step, coder in grouped:
        assert str(coder.key_coder()) in ("VarIntCoder", "StrUtf8Coder"), f"{step}: {coder}"


@pytest.mark.slow
def test_every_function_can_be_loaded_anywhere(graphs: dict[str, Any], tmp_path: Path) -> None:
    functions = {
        job: [function for _, function in functions_of(graph)] for job, graph in graphs.items()
    }

    loaded = subprocess.run(
        [sys.executable, "-c", _LOAD],
        input=pickle.dumps([made for group in functions.values() for made in group]),
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert loaded.returncode == 0, loaded.stderr.decode()
    assert int(loaded.stdout) == sum(map(len, functions.values()))
    assert min(map(len, functions.values())) > 10


def test_the_graph_does_not_grow_with_the_inputs(tmp_path: Path) -> None:
    sizes = []
    for n_files in (1, 300):
        folder = tmp_path / f"{n_files:03}"
        folder.mkdir()
        for number in range(n_files):
            (folder / f"{number:04}.jsonl").write_text('{"text": "fine"}\n')
        sizes.append(graph_of(tmp_path / "out", reviews=folder).ByteSize())

    assert abs(sizes[1] - sizes[0]) < 1000
