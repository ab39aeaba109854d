"""Every kind of damage is found, and named with its file."""

from pathlib import Path

import pyarrow as pa
import pytest

from beam_pipeline.verify import main
from tests.beam_pipeline.jobs import run


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    assert run(tmp_path / "out") == 0
    return tmp_path / "out"


def test_a_whole_dataset_passes(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main([str(dataset)]) == 0
    assert "all as the manifest says" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"123456789"), "sha256 differs"),
    ],
)
def test_a_damaged_shard_is_named(
    dataset: Path, capsys: pytest.CaptureFixture[str], damage: object, message: str
) -> None:
    damage(dataset / "train/000001/0000002-0000.arrow")  # type: ignore[operator]
    capsys.readouterr()
    assert main([str(dataset)]) == 1
    out = capsys.readouterr().out
    assert "train/000001/0000002-0000.arrow: " in out
    assert message in out
    assert "1 problems" in out


def test_a_shard_rewritten_with_other_values_is_found_even_with_a_true_file_hash(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib
    import json

    path = dataset / "train/000001/0000001-0000.arrow"
    table = pa.ipc.open_file(path).read_all()
    sources = pa.array([5] * table.num_rows, pa.uint32())
    place = table.schema.get_field_index("source")
    forged = table.set_column(place, table.schema.field(place), sources)
    with pa.ipc.new_file(path, forged.schema) as writer:
        writer.write_table(forged, 4096)
    manifest = json.loads((dataset / "manifest.json").read_text())
    entry = manifest["splits"]["train"]["shards"][1]
    data = path.read_bytes()
    entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    capsys.readouterr()
    assert main([str(dataset)]) == 1
    assert "0000001-0000.arrow: other values (content_sha256 differs)" in capsys.readouterr().out


def test_another_tokenizer_and_a_false_ledger_are_found(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (dataset / "manifest.json").read_text()
    assert '"rejected": 1' in text
    (dataset / "manifest.json").write_text(text.replace('"rejected": 1', '"rejected": 2'))
    (dataset / "tokenizer/tokenizer.json").write_text("{}")
    capsys.readouterr()
    assert main([str(dataset)]) == 1
    out = capsys.readouterr().out
    assert "tokenizer/tokenizer.json: " in out
    assert "reviews were read" in out


def test_no_manifest_is_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "has no manifest.json" in capsys.readouterr().err
