"""`hf://datasets/...` through the hub's own client, against a stub that answers as the hub does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import IN_MEMORY, REVIEWS, arguments
from tests.oracle import sample_texts
from tests.stores.fake_hub import MODEL, REPO, Hub, serve_hub
from tests.stores.jobs import OPTIONS, job, manifest_of, shard_hashes
from tests.stores.servers import ROOT
from tests.tokenizers_zoo import word_piece_vocabulary
from transforms.functional.dataset.manifest import Manifest

URL = f"hf://datasets/{REPO}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub() as found:
        yield found


def run(hub: Hub, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own: the client reads where the hub is when it is imported."""
    return subprocess.run(
        [sys.executable, *command],
        env={
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(home),
            "HF_TOKEN": "hf_of_nobody",
            # The stub has the older one of the two stores for large files.
            "HF_HUB_DISABLE_XET": "1",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_dataset_of_the_hub_is_an_input(hub: Hub, tmp_path: Path) -> None:
    hub.files["in/reviews.jsonl"] = REVIEWS.read_bytes()
    url, output = f"{URL}/in/reviews.jsonl", str(tmp_path / "out")
    command = ["-m", "beam_pipeline", *arguments(output, *OPTIONS, *IN_MEMORY, reviews=url)]
    done = run(hub, tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert job(str(REVIEWS), str(tmp_path / "disk")) == 0
    assert shard_hashes(output) == shard_hashes(str(tmp_path / "disk"))
    (entry,) = manifest_of(output).inputs
    assert entry.path.startswith(URL)
    assert entry.identity
    assert any("bytes=" in request for request in hub.requests)


# Two nights; then the job's own commands, `datasets` by the card, and `open_dataset`.
READ_BACK = f"""
import json, sys
from pathlib import Path
import datasets
from beam_pipeline.verify import main as verify
from tests import jobs
from transforms import open_dataset

folder, options = Path(sys.argv[1]), sys.argv[2:]
for night in ("0.jsonl", "1.jsonl"):
    (folder / "later" / night).rename(folder / "in" / night)
    assert jobs.run("{URL}", *options, reviews=folder / "in") == 0
assert verify(["{URL}"]) == 0
found = datasets.load_dataset("{REPO}")
opened = open_dataset("{URL}", check_hashes=True)
print("READ", json.dumps({{
    "load_dataset": {{name: rows["input_ids"][:] for name, rows in found.items()}},
    "open_dataset": {{
        name: opened[name].to_arrow()["input_ids"].to_pylist() for name in opened.subsets
    }},
    "first": open_dataset("{URL}", 1)["train"].to_arrow_dataset().count_rows(),
}}))
"""
LABELLED = (
    "--task", "classification", "--label_column", "label", "--max_length", "32",
    "--validation_fraction", "0.2", "--part_bytes", "30000", "--append",
)  # fmt: skip


@pytest.mark.slow
def test_a_dataset_of_the_hub_is_an_output(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "later").mkdir()
    for night in range(2):
        lines = [json.dumps({"text": t, "label": night}) for t in sample_texts()[night::2]]
        (tmp_path / "later" / f"{night}.jsonl").write_text("\n".join(lines), "utf-8")
    hub.busy = 3
    done = run(hub, tmp_path / "home", "-c", READ_BACK, str(tmp_path), *LABELLED)
    assert done.returncode == 0, done.stderr[-3000:]

    read: dict[str, Any] = json.loads(done.stdout.rpartition("READ ")[2])
    manifest = Manifest.loads(hub.files["manifest.json"], hub.files.__getitem__)
    assert [generation.number for generation in manifest.generations] == [1, 2]
    assert read["load_dataset"] == read["open_dataset"]
    assert {name: len(rows) for name, rows in read["load_dataset"].items()} == {
        name: manifest.rows(name) for name in ("train", "validation")
    }
    assert sum(map(len, read["load_dataset"].values())) == len(sample_texts())
    assert 0 < read["first"] < manifest.rows("train")

    # The manifest is a commit of its own, behind those of the shards that it names.
    newest = hub.commits.index(["manifests/000002.json"])
    made = [path for changed in hub.commits[:newest] for path in changed]
    assert set(manifest.shard_paths()) <= set(made)
    assert "lease.json" not in hub.files
    assert done.stderr.count("cannot write a file only where none is (the hub has no such") == 1
    assert "B/s]" not in done.stderr


def test_a_repository_that_is_not_there_is_one_line(hub: Hub, tmp_path: Path) -> None:
    output = "hf://datasets/me/nowhere"
    done = run(hub, tmp_path, "-m", "beam_pipeline", *arguments(output, *OPTIONS, *IN_MEMORY))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_model_of_the_hub_with_only_a_vocabulary_is_converted(hub: Hub, tmp_path: Path) -> None:
    """As AutoTokenizer of the same name does it; nothing else of the repository is fetched."""
    hub.model = {
        "vocab.txt": word_piece_vocabulary().encode(),
        "config.json": b'{"model_type": "bert"}',
        "tokenizer_config.json": b'{"do_lower_case": false}',
        "model.safetensors": b"weights",
    }
    output = tmp_path / "out"
    options = ("--tokenizer", MODEL, *OPTIONS, *IN_MEMORY)
    done = run(hub, tmp_path, "-m", "beam_pipeline", *arguments(str(output), *options))
    assert done.returncode == 0, done.stderr
    built_by = manifest_of(str(output)).tokenizer.built_by
    assert built_by == f"transformers {version('transformers')} BertTokenizer"
    assert not any("safetensors" in request for request in hub.requests)
    same = run(hub, tmp_path / "home", "-c", SAME_IDS, MODEL, str(output / "tokenizer"))
    assert same.returncode == 0, same.stderr[-3000:]


SAME_IDS = """
import sys
from transformers import AutoTokenizer
from tests.families import TEXTS

theirs, ours = (AutoTokenizer.from_pretrained(name)(list(TEXTS)) for name in sys.argv[1:])
assert theirs["input_ids"] == ours["input_ids"]
"""
