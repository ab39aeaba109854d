"""A report's document, small enough to calculate with."""

from __future__ import annotations

from typing import Any

HOSTILE = "<script>alert(1)</script>&'\""


def example(**changes: Any) -> dict[str, Any]:
    """Return a whole document of 1,000 reviews; `changes` replace what stands at its top."""
    at = [
        {
            "max_length": length,
            "reviews_longer": max(0, 1000 - 2 * length),
            "tokens_lost": max(0, 300_000 - 600 * length),
            "padding_share": length / 2048,
        }
        for length in range(64, 1025, 64)
    ]
    document: dict[str, Any] = {
        "report_version": 2,
        "dataset": {
            "generation": 7,
            "generations": 1,
            "task": "classification",
            "max_length": 256,
            "padding": "max_length",
            "overflow": "truncate",
            "strip_html": False,
            "dedup": "none",
            "inputs": 3,
            "input_bytes": 1_234_567,
            "problem_type": "single_label_classification",
            "label_names": {"0": "neg", "1": HOSTILE},
            "content_sha256": "0123456789abcdef" * 4,
        },
        "ledger": {
            "reviews": {
                "read": 1010,
                "written": 1000,
                "rejected": 10,
                "dropped": 0,
                "truncated": 488,
                "duplicates": 0,
                "excluded": 0,
                "unlabelled": 0,
                "html_stripped": 0,
                "normalized": 0,
            },
            "tokens": {
                "tokenized": 300_000,
                "special": 2000,
                "repeated": 0,
                "written": 155_600,
                "dropped": 146_400,
            },
        },
        "subsets": {
            "train": {
                "rows": 900,
                "tokens": 140_000,
                "bytes": 2_000_000,
                "shards": 3,
                "rows_per_shard": [200, 300, 400],
            },
            "validation": {
                "rows": 100,
                "tokens": 15_600,
                "bytes": 200_000,
                "shards": 1,
                "rows_per_shard": [100],
            },
        },
        "measured": {
            "reviews": 1000,
            "tokens": 300_000,
            "words": 250_000,
            "text_bytes": 1_500_000,
            "duplicates": 4,
            "repeated": 0,
            "compared_generations": 0,
            "empty": 0,
            "labels": [[0, 250], [1, 750]],
            "lengths": {
                "special": 2,
                "mean": 302.0,
                "percentiles": {"50": 231, "90": 609, "95": 796, "99": 1198},
                "longest": 3157,
                "histogram": {"width": 32, "reviews": [5 * i % 53 for i in range(40)]},
                "at": at,
            },
            "vocabulary": {
                "size": 30_522,
                "used": 10_000,
                "frequent": [
                    {"id": 5, "text": HOSTILE, "count": 20_000},
                    {"id": 6, "text": " the\n", "count": 10_000},
                ],
            },
            "unknown": {
                "id": 100,
                "tokens": 30,
                "words": [{"text": HOSTILE * 3, "count": 2}, {"text": "☃", "count": 1}],
            },
        },
        "added": None,
        "rejected_in": {f"in/{HOSTILE}.csv": 10},
        "broken_expectations": [],
        "trend": [],
        "rejected": {f"{HOSTILE} is no class": 7, "text is null": 3},
        "run": {
            "seconds": 2.5,
            "started": "2026-03-30T04:05:06Z",
            "ended": "2026-03-30T04:05:08Z",
            "engine": "local, in this process",
            "version": "0.1.0",
            "command": f"python -m beam_pipeline --input '{HOSTILE}'",
            "exit_reason": "done",
            "stage_seconds": {"read": 0.5, "tokenize": 2.0, "rows": 0.25, "write": 0.25},
            "tokens_per_second": 120_000,
        },
    }
    return {**document, **changes}
