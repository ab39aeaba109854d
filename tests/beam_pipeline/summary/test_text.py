"""What a person reads at the end of a job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beam_pipeline.job import JobResult
from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.input_files import Splits
from beam_pipeline.plan.label_plan import LabelPlan
from beam_pipeline.plan.planning import Plan
from beam_pipeline.summary.text import summary
from tests.transforms.functional.dataset.test_commit import DRAFT, complete
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.readers.columns import ReviewColumns

CONFIG = JobConfig(input=("in",), output="out", tokenizer="t", task="mlm")
PLAN = Plan(
    files=(),
    splits=Splits(sizes=(), part_bytes=1),
    labels=LabelPlan(columns=ReviewColumns(text="text")),
)


def said(manifest: Manifest) -> str:
    result = JobResult(manifest=manifest, plan=PLAN, seconds=1, engine="local")
    return summary(CONFIG, result)


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        (Ledger(), "no row was made: the inputs hold no review"),
        (
            Ledger(
                reviews=ReviewCounts(read=2, dropped=2),
                tokens=TokenCounts(tokenized=5, special=4, dropped=9),
            ),
            "no row was made: 9 tokens cannot fill a block of --max_length 8: --remainder pad "
            "--overwrite keeps what there is",
        ),
    ],
)
def test_a_dataset_without_a_row_says_why_and_what_helps(ledger: Ledger, why: str) -> None:
    assert f"  NOTE        {why}\n" in said(replace(DRAFT.manifest, ledger=ledger))
    assert "NOTE" not in said(complete())


def test_who_called_the_command_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "Look at them: " in said(DRAFT.manifest)
    assert " -m beam_pipeline.inspect out" in said(DRAFT.manifest)
    monkeypatch.setattr("sys.orig_argv", ["python", "/opt/bin/review-shards", "make"])
    assert "Look at them: /opt/bin/review-shards inspect out" in said(DRAFT.manifest)
