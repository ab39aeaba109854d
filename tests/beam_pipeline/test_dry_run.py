"""A dry run writes nothing, and its estimates are near the truth."""

import json
import re
from pathlib import Path

import pytest

from tests.beam_pipeline.jobs import run


def _number(out: str, name: str) -> float:
    found = re.search(rf"^  {name}\s+(?:about )?([\d,.]+)", out, re.MULTILINE)
    assert found, out
    return float(found[1].replace(",", ""))


@pytest.mark.parametrize("task", ["mlm", "classification"])
def test_a_sample_of_everything_gives_the_true_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    output = tmp_path / "out"
    assert run(output, "--task", task, "--dry_run") == 0
    out = capsys.readouterr().out
    assert not output.exists()
    assert "Nothing was written" in out
    assert run(output, "--task", task) == 0
    manifest = json.loads((output / "manifest.json").read_text())
    ledger = manifest["ledger"]
    # The sample ends before nothing here; text is a little less than JSON Lines.
    assert _number(out, "reviews") == ledger["reviews"]["read"] - 1
    made = ledger["tokens"]["written"] + ledger["tokens"]["dropped"]
    assert _number(out, "tokens") == pytest.approx(made, rel=0.01)
    assert _number(out, "rows") == pytest.approx(manifest["splits"]["train"]["rows"], rel=0.02)
    assert "rejected    1 records" in out
    if task == "classification":
        share = ledger["reviews"]["truncated"] / (ledger["reviews"]["read"] - 1)
        assert f"{share:.1%} of the reviews" in out


def test_a_dry_run_of_a_wrong_job_fails_as_the_job_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "out", "--max_length", "2", "--dry_run") == 2
    assert "--max_length must be at least 3" in capsys.readouterr().err


def test_only_empty_inputs_are_no_failure(tmp_path: Path) -> None:
    reviews = tmp_path / "empty.txt"
    reviews.write_bytes(b"")
    assert run(tmp_path / "out", "--dry_run", reviews=reviews) == 0
