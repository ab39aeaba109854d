"""A run's record as OpenMetrics text, for a node exporter's textfile collector or a Pushgateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

PREFIX = "review_shards"
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})

# A sample: its labels, and its value.
Sample = tuple[Mapping[str, str], float]


def metrics_text(record: Mapping[str, Any]) -> str:
    """Return the figures of a run and of its dataset as OpenMetrics text."""
    return "".join(f"{line}\n" for family in _families(record) for line in family) + "# EOF\n"


def _families(record: Mapping[str, Any]) -> Iterator[list[str]]:
    run, dataset = record["run"], record["dataset"]
    ended = datetime.fromisoformat(record["ended"].replace("Z", "+00:00")).timestamp()
    output = {"output": record["output"]}

    def family(name: str, text: str, samples: Iterable[Sample]) -> list[str]:
        full = f"{PREFIX}_{name}"
        unit = next((u for u in ("seconds", "bytes") if name.endswith(f"_{u}")), "")
        head = [f"# TYPE {full} gauge", *([f"# UNIT {full} {unit}"] if unit else [])]
        lines = [f"{full}{_labels({**output, **labels})} {value:.12g}" for labels, value in samples]
        return [*head, f"# HELP {full} {text}", *lines]

    yield family("run_exit_code", "Exit code of the last run.", [({}, record["exit_code"])])
    yield family("run_end_timestamp_seconds", "When the last run ended.", [({}, ended)])
    yield family("run_seconds", "How long the last run took.", [({}, record["seconds"])])
    yield family(
        "run_stage_seconds",
        "Seconds of the last run in each stage, summed over workers.",
        _by("stage", run["seconds_by_stage"]),
    )
    yield family(
        "run_rejected_records",
        "Rejected records of the last run by reason.",
        _by("reason", run["rejected_by_reason"]),
    )
    yield family(
        "run_broken_expectations",
        "Expectations of the contract that the last run broke.",
        [({}, len(run["broken_expectations"]))],
    )
    for of, figures in (("run", run), ("dataset", dataset or {})):
        if "ledger" in figures:
            yield from _totals(family, of, figures)
    if record["generation"] is not None:
        yield family(
            "dataset_generation", "Number of the newest generation.", [({}, record["generation"])]
        )


def _totals(family: Any, of: str, figures: Mapping[str, Any]) -> Iterator[list[str]]:
    whose = {"run": "that the last run added", "dataset": "of the dataset"}[of]
    reviews, tokens = figures["ledger"]["reviews"], figures["ledger"]["tokens"]
    yield family(f"{of}_inputs", f"Input files {whose}.", [({}, figures["inputs"])])
    yield family(
        f"{of}_reviews", f"Reviews {whose}, by what became of them.", _by("outcome", reviews)
    )
    yield family(f"{of}_tokens", f"Tokens {whose}, by what became of them.", _by("outcome", tokens))
    for name in ("rows", "shards", "bytes"):
        counts = {subset: held[name] for subset, held in figures["subsets"].items()}
        what = {"rows": "Rows", "shards": "Shards", "bytes": "Bytes of the shards"}[name]
        unit = "shard_bytes" if name == "bytes" else name
        yield family(f"{of}_{unit}", f"{what} {whose}, by subset.", _by("subset", counts))


def _by(label: str, values: Mapping[str, float]) -> list[Sample]:
    return [({label: name}, value) for name, value in values.items()]


def _labels(labels: Mapping[str, str]) -> str:
    return (
        "{"
        + ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
        + "}"
    )
