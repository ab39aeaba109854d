"""A dataset that grows while a run is stopped: the run goes on with what it began with."""

import json
from pathlib import Path

from tests.jobs import REVIEWS, run
from tests.training.programs import arguments, history, write_config
from training.__main__ import main

LINES = REVIEWS.read_bytes().splitlines(keepends=True)


def test_a_run_goes_on_with_its_generation_after_an_append(tmp_path: Path) -> None:
    reviews, dataset = tmp_path / "reviews", tmp_path / "dataset"
    reviews.mkdir()
    job = ("--task", "mlm", "--max_length", "32", "--max_rejected_fraction", "0.4")
    (reviews / "0.jsonl").write_bytes(b"".join(LINES[:40]))
    assert run(dataset, *job, "--append", reviews=reviews) == 0
    options = {"from_config": write_config(tmp_path), "window_shards": 2, "max_eval_rows": 8}
    saves = {**options, "save_strategy": "steps", "save_steps": 3}
    assert main(arguments(dataset, tmp_path / "unbroken", **options)) == 0
    unbroken = history(tmp_path / "unbroken")
    assert len(unbroken) > 3
    stopped = tmp_path / "stopped"
    assert main(arguments(dataset, stopped, **saves, max_hours=1e-9)) == 75

    (reviews / "1.jsonl").write_bytes(b"".join(LINES[40:80]))
    assert run(dataset, *job, "--append", reviews=reviews) == 0
    assert json.loads((dataset / "manifest.json").read_text())["generation"] == 2
    assert main(arguments(dataset, stopped, **saves, resume_from_checkpoint="last")) == 0
    assert history(stopped) == unbroken

    # A new run reads the new generation.
    assert main(arguments(dataset, tmp_path / "new", **options)) == 0
    assert len(history(tmp_path / "new")) > len(unbroken)
