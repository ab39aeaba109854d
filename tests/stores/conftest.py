"""Each server runs once a session, and only if a test wants it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stores.servers import SERVERS, MissingServerError, Store, in_environment


class _Running:
    """The servers that run, and why others do not."""

    def __init__(self, folder: pytest.TempPathFactory, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._found: dict[str, Store | str] = {}

    def store(self, name: str) -> Store:
        if name not in self._found:
            folder: Path = self._folder.mktemp(name)
            try:
                self._found[name] = self._stack.enter_context(SERVERS[name](folder))
            except MissingServerError as error:
                self._found[name] = str(error)
        found = self._found[name]
        if isinstance(found, str):
            # CI has to have them all.
            if os.environ.get("NEED_STORES") or os.environ.get("NEED_ENGINES"):
                pytest.fail(found)
            pytest.skip(found)
        return found


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Running]:
    with ExitStack() as stack:
        yield _Running(tmp_path_factory, stack)


@pytest.fixture(params=("azurite", "gcs", "s3"))
def store(request: pytest.FixtureRequest, _running: _Running) -> Iterator[Store]:
    """Every store in turn, with the environment in which the libraries find it."""
    yield from _found(_running, request.param)


@pytest.fixture
def s3(_running: _Running) -> Iterator[Store]:
    """The best S3 that is here."""
    yield from _found(_running, "s3")


@pytest.fixture
def moto(_running: _Running) -> Iterator[Store]:
    """An S3 that does not check signatures: a proxy may stand before it."""
    yield from _found(_running, "moto")


def _found(running: _Running, name: str) -> Iterator[Store]:
    found = running.store(name)
    with in_environment(found.environment):
        yield found
