"""A job goes on through faults that pass, and stops at once at those that do not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from botocore.retries.standard import ExponentialBackoff

from beam_pipeline import verify
from beam_pipeline.engines import execution
from tests.beam_pipeline.jobs import REVIEWS
from tests.stores.faulty_proxy import FAULTS
from tests.stores.jobs import job, job_killed, put_reviews, shard_hashes
from tests.stores.servers import (
    ROOT,
    Store,
    free_port,
    in_environment,
    s3_environment,
    serving,
)
from transforms import storage
from transforms.storage.lease import LEASE_NAME


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "share"), [(1, 0.05), (3, 0.2)])
def test_a_job_survives_faults_of_the_store(
    moto: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, share: float
) -> None:
    source, output = (
        put_reviews(moto.url(f"faults{seed}/reviews.jsonl")),
        moto.url(f"faults{seed}_out"),
    )
    for i in range(40):
        storage.write_atomic(
            moto.url(f"faults{seed}_small/{i}.txt"), b"A small but good film.\n" * i
        )
    small = moto.url(f"faults{seed}_small")
    assert job(source, str(tmp_path / "out"), "--input", small) == 0
    port, log = free_port(), tmp_path / "log"
    module = [sys.executable, "-m", "tests.stores.faulty_proxy"]
    command = [*module, str(port), str(moto.port), str(seed), str(share), str(log)]
    # The time-outs of the clients are what the proxy's silence is measured by.
    config = {"read_timeout": 1, "connect_timeout": 1, "max_pool_connections": 64}
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": config})
    monkeypatch.setattr("transforms.storage.stores.CALL_TIMEOUT_S", 4)
    # How long a client waits before it tries again is its library's matter, and ours elsewhere.
    monkeypatch.setattr("transforms.storage.stores.FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.02)
    with serving(command, port, ROOT), in_environment(s3_environment(port)):
        assert job(source, output, "--input", small) == 0
        assert shard_hashes(output) == shard_hashes(str(tmp_path / "out"))
        assert verify.main([output]) == 0
    requests = log.read_text()
    injected = {fault: requests.count(fault) for fault in FAULTS}
    print(f"{len(requests)} requests, faults {injected}")
    assert len(requests) > 200
    assert sum(injected.values()) > share * len(requests) / 3
    # Bounded: not many more requests than without faults.
    assert len(requests) < 1000


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_replaces_a_dataset_leaves_the_old_one_whole(
    moto: Store, tmp_path: Path
) -> None:
    source, output = put_reviews(moto.url("replaced/reviews.jsonl")), moto.url("replaced_out")
    other = ("--seed", "7")
    assert job(source, output) == 0
    old = shard_hashes(output)
    manifest = storage.read_bytes(f"{output}/manifest.json")
    n_old = len(storage.list_files(f"{output}/train"))

    assert job_killed(source, output, n_old + 2, *other, "--overwrite") < 2 * n_old
    assert storage.read_bytes(f"{output}/manifest.json") == manifest
    assert shard_hashes(output) == old
    assert verify.main([output]) == 0

    assert job(source, output, *other, "--overwrite") == 0
    assert job(source, str(tmp_path / "out"), *other) == 0
    assert [found[1:] for found in shard_hashes(output)] == [
        found[1:] for found in shard_hashes(str(tmp_path / "out"))
    ]
    assert verify.main([output]) == 0


@pytest.fixture
def one_line(capfd: pytest.CaptureFixture[str]):
    def check(*said: str) -> None:
        error = capfd.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1, error
        assert all(text in error for text in said), error

    return check


def test_a_missing_bucket_is_one_line_and_nothing_is_made(s3: Store, one_line) -> None:
    source = put_reviews(s3.url("permanent/reviews.jsonl"))
    assert job(source, "s3://there-is-none/out") == 1
    one_line("cannot write s3://there-is-none/out/", "no such bucket")
    assert job("s3://there-is-none/in", s3.url("permanent_out")) == 2
    one_line("no input matches 's3://there-is-none/in'")
    assert not storage.exists(s3.url("permanent_out/manifest.json"))


_FORBIDDING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_store_that_forbids_is_one_line(tmp_path: Path, one_line) -> None:
    port = free_port()
    command = [sys.executable, "-c", _FORBIDDING, str(port)]
    with serving(command, port), in_environment(s3_environment(port)):
        assert job("s3://bucket/in", str(tmp_path / "out")) == 1
        one_line("s3://bucket/in", "Forbidden")
        assert job(str(REVIEWS), "s3://bucket/out") == 1
        one_line("s3://bucket/out", "Forbidden")
    assert not (tmp_path / "out" / "manifest.json").exists()


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    """Have a small disk of its own at a folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("cannot mount a small disk: run the tests as root, where mount is allowed")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line(tmp_path: Path, one_line) -> None:
    output = tmp_path / "out"
    with _mounted(output, "size=256k"):
        assert job(str(REVIEWS), str(output)) == 1
        one_line(f"cannot write {output}/", "No space left on device")
        assert not (output / "manifest.json").exists()
        assert not [path for path in output.rglob("*") if path.name.endswith(".tmp")]


def test_a_read_only_output_is_one_line(tmp_path: Path, one_line) -> None:
    output = tmp_path / "out"
    with _mounted(output, "ro"):
        assert job(str(REVIEWS), str(output)) == 1
        one_line(f"cannot write {output}/", "Read-only file system")
        assert list(output.iterdir()) == []


def test_what_failed_first_is_said_first_and_what_cleaning_up_left_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    run = execution.execute

    def take_the_disk_away(*arguments: Any) -> Any:
        subprocess.run(["mount", "-o", "remount,ro", str(output)], check=True)
        return run(*arguments)

    monkeypatch.setattr(execution, "execute", take_the_disk_away)
    with _mounted(output, "size=64m"):
        assert job(str(REVIEWS), str(output)) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1, said
    first, *besides = said.split("; besides, ")
    assert first.startswith(f"error: cannot write {output}/")
    assert "Read-only file system" in first
    assert len(besides) == 2, said
    assert f"cannot remove {output}/plan/" in besides[0]
    assert f"cannot remove {output}/{LEASE_NAME}" in besides[1]


@pytest.mark.slow
def test_a_store_that_goes_away_is_one_line_and_its_lease_is_taken_over_later(
    moto: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source, output = put_reviews(moto.url("away/reviews.jsonl")), moto.url("away_out")
    config = {"read_timeout": 1, "connect_timeout": 1, "retries": {"max_attempts": 1}}
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": config})
    monkeypatch.setattr("transforms.storage.stores.CALL_TIMEOUT_S", 4)
    monkeypatch.setattr("transforms.storage.stores.ATTEMPTS", 2)
    port, run = free_port(), execution.execute
    module = [sys.executable, "-m", "tests.stores.faulty_proxy"]
    command = [*module, str(port), str(moto.port), "1", "0", "/dev/null"]
    with ExitStack() as proxy, in_environment(s3_environment(port)):
        proxy.enter_context(serving(command, port, ROOT))

        def take_the_store_away(*arguments: Any) -> Any:
            proxy.close()
            return run(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(execution, "execute", take_the_store_away)
            assert job(source, output) == 1
    said = capfd.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1, said
    first, *besides = said.split("; besides, ")
    assert "remove" not in first
    assert [LEASE_NAME in each for each in besides] == [False, True], said
    assert job(source, output) == 0
    assert verify.main([output]) == 0


def test_a_read_only_output_that_holds_the_dataset_is_a_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    with _mounted(output, "size=64m"):
        assert job(str(REVIEWS), str(output)) == 0
        before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
        subprocess.run(["mount", "-o", "remount,ro", str(output)], check=True)
        capsys.readouterr()
        assert job(str(REVIEWS), str(output)) == 0
        assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before
    said = capsys.readouterr()
    assert "nothing to do" in said.out
    assert said.err == ""


def test_what_a_killed_run_left_in_a_read_only_output_is_said_and_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "out"
    with _mounted(output, "size=64m"):
        assert job(str(REVIEWS), str(output)) == 0
        (output / LEASE_NAME).write_text("")
        subprocess.run(["mount", "-o", "remount,ro", str(output)], check=True)
        assert job(str(REVIEWS), str(output)) == 0
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "beam_pipeline.job"]
    assert warning.startswith("the dataset is finished, but what an earlier run left undone stays")
    assert "Read-only file system" in warning


def test_a_disk_that_fills_while_a_dataset_is_replaced_keeps_the_old_one(
    tmp_path: Path, one_line
) -> None:
    output = tmp_path / "out"
    with _mounted(output, "size=64m"):
        assert job(str(REVIEWS), str(output)) == 0
        before = shard_hashes(str(output))
        used = sum(path.stat().st_blocks * 512 for path in output.rglob("*"))
        size = f"remount,size={used + (256 << 10)}"
        subprocess.run(["mount", "-o", size, str(output)], check=True)

        assert job(str(REVIEWS), str(output), "--overwrite", "--seed", "7") == 1
        one_line(f"cannot write {output}/", "No space left on device")
        assert shard_hashes(str(output)) == before
        assert len(list(output.glob("train/000002/*"))) > 0  # It came as far as that.
        assert verify.main([str(output), "--generation", "1"]) == 0
