"""Inputs of web servers whose URLs hold secrets: known by the whole URL, written down masked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from beam_pipeline.__main__ import main
from beam_pipeline.plan.listing import list_inputs
from tests.beam_pipeline.jobs import TOKENIZER
from tests.ports import free_port
from tests.stores.web_server import Site, web_server
from transforms import storage
from transforms.functional.errors import InputError, UsageError
from transforms.storage import stores
from transforms.storage.generations import read_manifest


@pytest.fixture
def site() -> Iterator[Site]:
    with web_server() as site:
        yield site


def _lines(word: str, n: int = 20) -> bytes:
    return b"".join(json.dumps({"text": f"{word} film {i}"}).encode() + b"\n" for i in range(n))


def _run(output: Path, urls: list[str], *more: str) -> int:
    inputs = [argument for url in urls for argument in ("--input", url)]
    return main(
        [
            *inputs, "--output", str(output), "--tokenizer", str(TOKENIZER), "--task", "mlm",
            "--max_length", "8", "--remainder", "pad", "--direct_running_mode", "in_memory", *more,
        ]
    )  # fmt: skip


def _rows_by_source(output: Path) -> dict[int, int]:
    """Return how many blocks begin in each input file."""
    from transforms.functional.dataset.shards import read_shard

    counts: dict[int, int] = {}
    for shard in read_manifest(str(output)).shards():
        table = read_shard((output / shard.path).read_bytes(), shard.format)
        for source in table.column("source").to_pylist():
            counts[source] = counts.get(source, 0) + 1
    return counts


def test_files_whose_urls_differ_in_a_masked_part_alone_are_different_files(
    site: Site, tmp_path: Path
) -> None:
    names = ["f1.jsonl", "f2.jsonl", "f3.jsonl"]
    for n, name in enumerate(names, 1):
        site.files[f"get?key={name}"] = _lines("word " * n)
    urls = [site.url(f"get?key={name}") for name in names]

    assert _run(tmp_path / "out", urls[:2]) == 0
    assert _run(tmp_path / "out", urls, "--append") == 0
    assert _run(tmp_path / "whole", urls) == 0

    manifest = read_manifest(str(tmp_path / "out"))
    assert [generation.inputs for generation in manifest.generations] == [2, 1]
    assert len({entry.path for entry in manifest.inputs}) == 3
    assert sorted(_rows_by_source(tmp_path / "out")) == [0, 1, 2]
    assert manifest.ledger.tokens == read_manifest(str(tmp_path / "whole")).ledger.tokens
    secrets = [name for name in names for path in (tmp_path / "out").rglob("*")
               if path.is_file() and name.encode() in path.read_bytes()]  # fmt: skip
    assert secrets == []


def test_the_same_file_with_another_signature_is_not_added_again(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.signature = "X-Amz-Signature"
    site.files["a.jsonl"] = _lines("one")
    site.files["b.jsonl"] = _lines("two")
    signed = [site.url(f"{name}.jsonl?X-Amz-Signature={{}}") for name in "ab"]
    options = ("--input_format", "jsonl")

    assert _run(tmp_path / "out", [signed[0].format("first")], *options) == 0
    again = [url.format("second") for url in signed]
    assert _run(tmp_path / "out", again, *options, "--append") == 0
    manifest = read_manifest(str(tmp_path / "out"))
    assert [entry.path for entry in manifest.inputs] == [site.url("a.jsonl"), site.url("b.jsonl")]
    assert manifest.ledger.reviews.read == 40

    site.files["a.jsonl"] = _lines("changed")
    assert _run(tmp_path / "out", again, *options, "--append") == 1
    assert "a.jsonl has changed since it was added" in capsys.readouterr().err


def test_earlier_files_with_secrets_are_compared_with_where_the_command_names_them_again(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("f1.jsonl", "f2.jsonl"):
        site.files[f"get?key={name}"] = _lines("same")
    urls = [site.url(f"get?key={name}") for name in ("f1.jsonl", "f2.jsonl")]
    assert _run(tmp_path / "out", urls[:1], "--dedup", "exact") == 0

    assert _run(tmp_path / "out", urls[1:], "--dedup", "exact", "--append") == 1
    assert "cannot be read again: its URL holds a secret" in capsys.readouterr().err
    assert _run(tmp_path / "out", urls, "--dedup", "exact", "--append") == 0
    reviews = read_manifest(str(tmp_path / "out")).ledger.reviews
    assert (reviews.read, reviews.duplicates) == (40, 20)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_server_without_ranges_is_read_through_a_temporary_file(
    site: Site, tmp_path: Path, says_so: bool
) -> None:
    site.ranges, site.says_no_ranges = False, says_so
    site.files["a.jsonl"] = _lines("good", 60_000)
    assert len(site.files["a.jsonl"]) > 1 << 20
    with storage.open_input(site.url("a.jsonl")) as stream:
        stream.seek(1000)
        assert stream.read() == site.files["a.jsonl"][1000:]


@pytest.mark.parametrize("what", ["refused", "unavailable"])
def test_a_server_that_is_down_is_not_a_file_that_is_not_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(stores, "FIRST_WAIT_S", 0.0)
    down = f"http://127.0.0.1:{free_port()}/a.jsonl"
    url = site.url("a.jsonl") if what == "unavailable" else down
    site.status = 503
    said = f"{url}: the server does not answer as it should: .+; check the URL"
    with pytest.raises(InputError, match=said):
        list_inputs([url])
    site.status = None
    with pytest.raises(UsageError, match="no input matches"):
        list_inputs([site.url("a.jsonl")])
