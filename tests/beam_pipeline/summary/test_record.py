from typing import Any

from beam_pipeline.summary.record import record_of
from tests.beam_pipeline.summary.records import DATASET, RUN, example
from transforms.functional.dataset.manifest import Manifest


def failed(dataset: Manifest | None) -> dict[str, Any]:
    return record_of(RUN, "cannot read s3://a:secret@bucket", 2, exit_code=1, dataset=dataset)


def test_what_the_run_added_stands_apart_from_what_the_dataset_holds() -> None:
    record = example()
    run, dataset = record["run"], record["dataset"]
    assert (run["inputs"], dataset["inputs"]) == (1, 2)
    assert (run["input_bytes"], dataset["input_bytes"]) == (7, 14)
    assert run["ledger"]["reviews"]["written"] == 9
    assert dataset["ledger"]["reviews"]["written"] == 40
    assert run["ledger"]["tokens"]["written"] == 96
    assert run["subsets"] == {
        "train": {"rows": 10, "tokens": 80, "shards": 1, "bytes": 1000},
        "validation": {"rows": 2, "tokens": 16, "shards": 1, "bytes": 1000},
    }
    assert dataset["subsets"]["train"] == {"rows": 12, "tokens": 96, "shards": 2, "bytes": 2000}
    assert dataset["content_sha256"] == DATASET.content_sha256()


def test_it_says_when_how_and_why_it_ended() -> None:
    record = example()
    assert (record["started"], record["ended"]) == ("2026-03-30T00:00:00Z", "2026-03-30T00:00:05Z")
    assert (record["exit_code"], record["exit_reason"]) == (0, "done")
    assert record["generation"] == 2
    assert record["run"]["seconds_by_stage"] == {"read": 1.5}
    assert record["run"]["rejected_by_reason"] == {"no JSON": 1}
    assert record["run"]["rejected_by_file"] == {"in.jsonl": 1}


def test_secrets_are_masked() -> None:
    assert failed(None)["exit_reason"] == "cannot read s3://***@bucket"
    assert (
        example()["command"] == "python -m beam_pipeline --input https://host/in?sig=*** --append"
    )


def test_a_failed_run_says_what_stands_there() -> None:
    record = failed(DATASET)
    assert record["generation"] == 2
    assert record["dataset"]["subsets"]["train"]["rows"] == 12
    assert "ledger" not in record["run"]
    assert failed(None)["dataset"] is None
