"""A run's record, small enough to calculate with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from beam_pipeline.summary.record import RunLog, record_of
from tests.transforms.functional.dataset.test_manifest import INPUTS, manifest, shard, subsets
from transforms.functional.dataset.manifest_entries import Generation
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts

RUN = RunLog(
    command="python -m beam_pipeline --input https://host/in?sig=secret --append",
    output="s3://bucket/out",
    started=datetime(2026, 3, 30, tzinfo=timezone.utc),
    engine="local",
)


def ledger(reviews: int, tokens: int) -> Ledger:
    return Ledger(
        reviews=ReviewCounts(read=reviews + 1, written=reviews, rejected=1),
        tokens=TokenCounts(tokenized=tokens, written=tokens),
    )


EARLIER = manifest(subsets=subsets(train=[shard(0)], validation=[]), ledger=ledger(31, 16))
DATASET = replace(
    EARLIER,
    subsets=subsets(train=[shard(0), shard(1, rows=10)], validation=[shard(2)]),
    ledger=ledger(40, 112),
    inputs=INPUTS + INPUTS,
    generations=(*EARLIER.generations, Generation(number=2, inputs=1, splits=1)),
)


def example() -> dict[str, Any]:
    """Return the record of a run that made generation 2 in 5.25 s."""
    figures = {"rejected": {"no JSON": 1}, "rejected_in": {"in.jsonl": 1}}
    return record_of(
        replace(RUN, stage_seconds={"read": 1.5}),
        "done",
        5.25,
        dataset=DATASET,
        figures=figures,
        made=True,
        earlier=EARLIER,
    )
