"""Stores on loopback: real servers in processes of their own, started and stopped by the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec

from tests.engines.local_engines import installed_folder, missing
from tests.paths import ROOT
from tests.ports import free_port

AZURITE = ROOT / ".azurite" / "node_modules" / ".bin" / "azurite-blob"

# Azurite's only account; its key is printed in its manual.
_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@dataclass(frozen=True, kw_only=True)
class Store:
    """One store: how the libraries find it, and a bucket in it."""

    name: str
    port: int
    environment: Mapping[str, str]
    bucket: str

    def url(self, path: str) -> str:
        return f"{self.bucket}/{path}"


class MissingServerError(Exception):
    """There is no such server here; the message says how to get it."""


@contextmanager
def serving(command: Sequence[str], port: int, folder: Path | None = None) -> Iterator[None]:
    """Run a server until the block ends, once it answers."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_it_answers(process, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args} did not come up on port {port}")


@contextmanager
def in_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a block, and have the libraries look at them again."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    _forget_file_systems()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        _forget_file_systems()


def _forget_file_systems() -> None:
    for protocol in ("s3", "gs", "abfs", "hf"):
        fsspec.get_filesystem_class(protocol).clear_instance_cache()


def s3_environment(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "review-shards",
        "AWS_SECRET_ACCESS_KEY": "review-shards",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def moto(_: Path) -> Iterator[Store]:
    port = free_port()
    with serving([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield _with_s3_bucket("moto", port)


@contextmanager
def s3(folder: Path) -> Iterator[Store]:
    """A server that speaks S3: versitygw, and where it is not installed moto.

    The first is the better one: it checks signatures, it keeps its files on disk, and it answers
    several jobs at once.
    """
    installed = installed_folder("versitygw")
    if installed is None and os.environ.get("NEED_ENGINES"):
        raise MissingServerError(missing("versitygw"))
    server = moto(folder) if installed is None else _versitygw(installed / "versitygw", folder)
    with server as store:
        yield store


@contextmanager
def _versitygw(program: Path, folder: Path) -> Iterator[Store]:
    port = free_port()
    # Its administrator, and the only account.
    keys = s3_environment(port)
    account = ["--access", keys["AWS_ACCESS_KEY_ID"], "--secret", keys["AWS_SECRET_ACCESS_KEY"]]
    command = [
        program,
        "--port",
        f"127.0.0.1:{port}",
        *account,
        "--quiet",
        "--keep-alive",
        "posix",
        str(folder),
    ]
    with serving(command, port):
        yield _with_s3_bucket("versitygw", port)


def _with_s3_bucket(name: str, port: int) -> Store:
    environment = s3_environment(port)
    with in_environment(environment):
        fsspec.filesystem("s3").mkdir("bucket")
    return Store(name=name, port=port, environment=environment, bucket="s3://bucket")


@contextmanager
def gcs(_: Path) -> Iterator[Store]:
    port = free_port()
    program = (
        "import logging; from gcp_storage_emulator.server import create_server; "
        f"create_server('127.0.0.1', {port}, in_memory=True, default_bucket='bucket').run()"
    )
    with serving([sys.executable, "-c", program], port):
        environment = {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            # It would ask Google itself what kind of bucket this is.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }
        yield Store(name="gcs", port=port, environment=environment, bucket="gs://bucket")


@contextmanager
def azurite(folder: Path) -> Iterator[Store]:
    if shutil.which("node") is None:
        raise MissingServerError("no `node` on the PATH: install Node.js, then `make azurite`")
    if not AZURITE.exists():
        raise MissingServerError("no Azurite in .azurite/: `make azurite` installs it")
    port = free_port()
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    command = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    # It refuses a folder for what it keeps in memory, but writes a file of its own where it runs.
    with serving([*command, *options], port, folder):
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={_AZURITE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )
        environment = {"AZURE_STORAGE_CONNECTION_STRING": connection}
        with in_environment(environment):
            fsspec.filesystem("abfs").mkdir("bucket")
        yield Store(name="azurite", port=port, environment=environment, bucket="abfs://bucket")


SERVERS = {"s3": s3, "moto": moto, "gcs": gcs, "azurite": azurite}
