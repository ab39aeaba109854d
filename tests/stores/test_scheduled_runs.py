"""Scheduled runs on every store: one at a time, one generation after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from beam_pipeline import verify
from tests.jobs import REVIEWS, arguments
from tests.paths import ROOT
from tests.stores.jobs import OPTIONS, job, manifest_of, shard_hashes
from tests.stores.servers import (
    Store,
    free_port,
    in_environment,
    s3_environment,
    serving,
)
from transforms import storage
from transforms.functional.errors import OutputError
from transforms.storage import writing
from transforms.storage.generations import publish, read_manifest
from transforms.storage.lease import LEASE_NAME, lease

TOLERANT = ("--max_rejected_fraction", "0.5")
LINES = REVIEWS.read_bytes().splitlines(keepends=True)


def test_of_many_that_create_a_file_one_succeeds(store: Store) -> None:
    path = store.url("create/file.json")

    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(lambda i: storage.create(path, b"%d" % i), range(8)))

    if store.name != "gcs":  # Its emulator knows no preconditions.
        assert created.count(True) == 1
        assert storage.read_bytes(path) == b"%d" % created.index(True)
    assert storage.create(path, storage.read_bytes(path))  # The same again is no other.


def test_a_lease_there_is_refused_to_others_and_gone_at_the_end(store: Store) -> None:
    output = store.url("lease")

    with lease(output, renewed_s=0.2):
        with pytest.raises(OutputError, match="another run is writing there"), lease(output):
            pass
        assert storage.exists(storage.join(output, LEASE_NAME))
    assert not storage.exists(storage.join(output, LEASE_NAME))


def test_nights_are_appended_and_mended(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = store.url("nights"), store.url("nights_out")
    hashes = []
    for number in range(3):
        lines = LINES[number * 50 : number * 50 + 50]
        storage.write_atomic(storage.join(source, f"{number}.jsonl"), b"".join(lines))
        assert job(source, output, "--append", *TOLERANT) == 0
        now = shard_hashes(output)
        assert set(hashes) <= set(now)
        hashes = now
    assert job(source, output, "--append", *TOLERANT) == 0
    assert "Nothing new" in capsys.readouterr().out
    assert len(manifest_of(output).generations) == 3
    assert len(read_manifest(output, "manifests/000002.json").inputs) == 2

    paths = [path for path, _, _ in hashes]
    storage.remove(storage.join(output, paths[0]))
    storage.write_atomic(storage.join(output, paths[-1]), b"damaged")
    assert verify.main([output, "--repair"]) == 0
    assert shard_hashes(output) == hashes

    storage.write_atomic(storage.join(source, "1.jsonl"), b"".join(LINES[:3]))
    assert job(source, output, "--append", *TOLERANT) == 1
    assert "1.jsonl has changed since it was added" in capsys.readouterr().err


def test_a_generation_that_is_there_is_not_written_again(s3: Store) -> None:
    source, output = store_reviews(s3, "fence"), s3.url("fence_out")
    assert job(source, output) == 0
    manifest = manifest_of(output)

    publish(output, manifest)  # The same: a retry.
    with pytest.raises(OutputError, match="another run has finished generation 1"):
        publish(output, read_other(manifest_text(output)))
    assert manifest_of(output) == manifest


@pytest.mark.slow
def test_two_runs_that_race_leave_one_valid_dataset(s3: Store, tmp_path: Path) -> None:
    for output in (s3.url("race_out"), str(tmp_path / "out")):
        source = store_reviews(s3, "race")
        seeds = ("1", "2")
        jobs = [
            subprocess.Popen(
                [sys.executable, "-m", "beam_pipeline",
                 *arguments(output, *OPTIONS, "--seed", seed, reviews=source)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
            for seed in seeds
        ]  # fmt: skip
        errors = [process.communicate(timeout=240)[1] for process in jobs]

        codes = [process.returncode for process in jobs]
        assert sorted(codes) == [0, 1], errors
        assert verify.main([output]) == 0
        assert manifest_of(output).config["seed"] == int(seeds[codes.index(0)])
        refused = errors[codes.index(1)]
        assert "another run is writing there" in refused or "holds another dataset" in refused


@pytest.fixture
def unconditional(moto: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An S3 that answers 501 to conditions, and that this process has not met yet."""
    monkeypatch.setattr(writing, "_unconditional", set())
    port = free_port()
    command = [sys.executable, "-m", "tests.stores.unconditional_proxy", str(port), str(moto.port)]
    environment = s3_environment(port)
    with serving(command, port, ROOT), in_environment(environment):
        yield replace(moto, port=port, environment=environment)


def test_a_store_without_conditions_is_looked_at_before_it_is_written_to(
    unconditional: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = unconditional.url("unconditional/file.json")

    assert storage.create(path, b"first")
    assert not storage.create(path, b"second")

    assert storage.read_bytes(path) == b"first"
    assert storage.create(unconditional.url("unconditional/other.json"), b"other")
    (warning,) = caplog.messages
    assert warning == (
        "s3://bucket cannot write a file only where none is (HTTP 501 to If-None-Match): never "
        "let two jobs write to one output there at a time (docs/reliability.md)"
    )


def test_nights_are_appended_in_a_store_without_conditions(unconditional: Store) -> None:
    source, output = unconditional.url("nights3"), unconditional.url("nights3_out")
    for number in range(2):
        lines = LINES[number * 50 : number * 50 + 50]
        storage.write_atomic(storage.join(source, f"{number}.jsonl"), b"".join(lines))
        assert job(source, output, "--append", *TOLERANT) == 0

    assert len(manifest_of(output).generations) == 2
    assert verify.main([output]) == 0


def store_reviews(store: Store, folder: str) -> str:
    url = store.url(f"{folder}/reviews.jsonl")
    storage.write_atomic(url, REVIEWS.read_bytes())
    return url


def manifest_text(output: str) -> dict[str, object]:
    text: dict[str, object] = json.loads(storage.read_bytes(storage.join(output, "manifest.json")))
    return text


def read_other(document: dict[str, object]):  # type: ignore[no-untyped-def]
    """Return another manifest of the same generation."""
    from transforms.functional.dataset.manifest import Manifest

    return Manifest.loads(json.dumps({**document, "fingerprint": "0" * 64}), {}.__getitem__)
