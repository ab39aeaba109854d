"""Every kind of damage is found, and named with its file."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from beam_pipeline.clean import main as clean
from beam_pipeline.inspect import main as inspect
from beam_pipeline.report.__main__ import main as report
from beam_pipeline.verify import main
from tests.beam_pipeline.jobs import REVIEWS, run


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
    assert "1 problem;" in out


def test_a_shard_rewritten_with_other_values_is_found_even_with_a_true_file_hash(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of two generations, which nobody changes."""
    folder = tmp_path_factory.mktemp("nights")
    lines = REVIEWS.read_bytes().splitlines(keepends=True)
    for night in (0, 1):
        (folder / "in").mkdir(exist_ok=True)
        (folder / f"in/{night}.jsonl").write_bytes(b"".join(lines[night * 20 : night * 20 + 20]))
        assert run(folder / "out", "--append", "--quiet", reviews=folder / "in") == 0
    return folder / "out"


@pytest.fixture
def copied(two_nights: Path, tmp_path: Path) -> Path:
    shutil.copytree(two_nights, tmp_path / "out")
    return tmp_path / "out"


def _said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return code, "".join(capsys.readouterr())


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


MANIFEST = "manifest.json"
FIRST, SECOND = "manifests/000001.json", "manifests/000002.json"
SHARD = "train/000001/0000000-0000.arrow"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (MANIFEST, lambda d: d["splits"]["train"].update(rows=7), "train has 7 rows, its shards"),
        (MANIFEST, lambda d: d["splits"]["train"].update(tokens=7), "train has 7 tokens, its sha"),
        (MANIFEST, lambda d: d.update(content_sha256="0" * 64), "content_sha256 is 000"),
        (MANIFEST, lambda d: d.update(generation=7), "generation is 7, but its entries give 2"),
        (MANIFEST, lambda d: d.update(task="classification"), "made with --task mlm"),
        (MANIFEST, lambda d: d.update(max_length=33), "made with --max_length 32"),
        (MANIFEST, lambda d: d["config"].update(seed=9), "(fingerprint differs)"),
        (MANIFEST, lambda d: d["tokenizer"].update(vocab_size=9999), "vocab_size is 9999, but"),
        (MANIFEST, lambda d: d["tokenizer"].update(suffix=[]), "suffix is [], but"),
        (MANIFEST, lambda d: d["inputs"].pop(), "have 2 inputs, but 1 are listed"),
        (MANIFEST, lambda d: d["inputs"].pop(), f"{SECOND}: manifest.json is no copy of it"),
        (MANIFEST, lambda d: d["generations"].reverse(), "generations [2, 1] are not in order"),
        (MANIFEST, lambda d: d["splits"]["train"]["shards"][0].update(tokens=1), f"{SHARD}: "),
        (MANIFEST, lambda d: d["splits"]["train"]["shards"][0].update(reviews=1), f"{SHARD}: "),
        (MANIFEST, lambda d: d["splits"]["train"]["shards"][0].update(part=5), "listed as part 5"),
        (FIRST, lambda d: d["splits"]["train"].update(rows=7), f"{FIRST}: train has 7 rows"),
        (FIRST, lambda d: d["inputs"][0].update(bytes=1), "its inputs are not the first ones of"),
        (FIRST, lambda d: d.update(fingerprint="0" * 64), "its fingerprint is another one"),
        (SECOND, lambda d: d.update(task="poetry"), f"{SECOND} is damaged: task is 'poetry'"),
    ],
)
def test_what_a_manifest_says_wrongly_is_found(
    copied: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change: Callable[[dict[str, Any]], object],
    said: str,
) -> None:
    _change(copied / name, change)
    code, out = _said(capsys, copied)
    assert code == 1
    assert said in out


def test_a_manifest_of_a_generation_that_is_lost_or_cut_short_is_found(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = (copied / SECOND).read_bytes()
    (copied / FIRST).write_bytes((copied / FIRST).read_bytes()[:-9])
    (copied / SECOND).unlink()
    code, out = _said(capsys, copied)
    assert code == 1
    assert f"{SECOND}: missing" in out
    assert f"{FIRST}: {FIRST} is damaged: it holds no manifest" in out
    # The newest one can be written again, as `manifest.json` is a copy of it.
    assert _said(capsys, copied, "--repair")[0] == 1
    assert (copied / SECOND).read_bytes() == newest


def test_files_that_no_manifest_names_are_found(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, foreign = copied / "train/000003/0000001-0000.arrow", copied / "train/000001/mine.arrow"
    ours.parent.mkdir()
    for path in (ours, foreign):
        path.write_bytes((copied / SHARD).read_bytes())
    code, out = _said(capsys, copied)
    assert code == 1
    assert "train/000003/0000001-0000.arrow: no manifest names it" in out
    assert "train/000001/mine.arrow: no job wrote it" in out
    assert "2 problems" in out
    assert clean([str(copied)]) == 0
    assert not ours.exists()
    assert foreign.exists()


def test_a_generation_is_named_by_its_number_or_by_its_manifest(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shard in (copied / "train/000002").iterdir():
        shard.unlink()
    assert _said(capsys, copied)[0] == 1
    for arguments in ([copied / FIRST], [copied, "--generation", 1]):
        code, out = _said(capsys, *arguments)
        assert (code, "all as the manifest says" in out) == (0, True), out
    assert _said(capsys, copied / SECOND)[0] == 1
    code, out = _said(capsys, copied, "--generation", 5)
    assert (code, "has no generation 5, it has: 1, 2" in out) == (2, True)
    code, out = _said(capsys, copied / FIRST, "--repair")
    assert (code, "name OUTPUT alone" in out) == (2, True)


@pytest.mark.parametrize("command", [main, clean, inspect, report])
def test_every_command_shows_where_it_failed_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: Callable[[list[str]], int]
) -> None:
    for more, shown in (((), False), (("--debug",), True)):
        assert command([str(tmp_path), *more]) == 1
        assert ("Traceback" in capsys.readouterr().err) == shown
