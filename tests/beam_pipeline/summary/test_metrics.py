import re

import pytest

from beam_pipeline.summary.metrics import metrics_text
from tests.beam_pipeline.summary.records import example

SAMPLE = re.compile(r'^(review_shards_\w+)\{(\w+="(?:[^"\\\n]|\\["\\n])*",?)+\} (-?[\d.e+]+)$')


def test_the_figures_of_the_run_and_of_the_dataset_are_apart() -> None:
    text = metrics_text(example())
    for line in (
        'review_shards_run_exit_code{output="s3://bucket/out"} 0',
        'review_shards_run_end_timestamp_seconds{output="s3://bucket/out"} 1774828805',
        'review_shards_run_seconds{output="s3://bucket/out"} 5.25',
        'review_shards_run_stage_seconds{output="s3://bucket/out",stage="read"} 1.5',
        'review_shards_run_reviews{output="s3://bucket/out",outcome="written"} 9',
        'review_shards_dataset_reviews{output="s3://bucket/out",outcome="written"} 40',
        'review_shards_dataset_rows{output="s3://bucket/out",subset="train"} 12',
        'review_shards_dataset_generation{output="s3://bucket/out"} 2',
        "# UNIT review_shards_run_seconds seconds",
    ):
        assert f"{line}\n" in text, line


def test_each_line_is_open_metrics() -> None:
    reason = 'text is "null" \\ or\nworse'
    record = example()
    record["run"]["rejected_by_reason"] = {reason: 1}
    lines = metrics_text(record).splitlines()
    assert lines[-1] == "# EOF"
    families: list[str] = []
    for line in lines[:-1]:
        if line.startswith("# "):
            name = line.split(" ")[2]
            families += [] if name in families[-1:] else [name]
        else:
            found = SAMPLE.match(line)
            assert found, line
            assert found[1] == families[-1]
    assert len(families) == len(set(families)) > 15
    assert any(r'reason="text is \"null\" \\ or\nworse"} 1' in line for line in lines)


@pytest.mark.parametrize("dataset", [False, True])
def test_a_failed_run_has_metrics_too(dataset: bool) -> None:
    record = example()
    record.update(exit_code=3, exit_reason="too many rejected", generation=None)
    record["run"] = {
        name: value
        for name, value in record["run"].items()
        if name not in ("ledger", "inputs", "subsets")
    }
    if not dataset:
        record["dataset"] = None
    text = metrics_text(record)
    assert 'run_exit_code{output="s3://bucket/out"} 3\n' in text
    assert ("dataset_rows" in text) == dataset
