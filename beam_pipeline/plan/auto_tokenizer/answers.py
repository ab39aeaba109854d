"""What AutoTokenizer makes of a folder's files: asked once, and remembered."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from transforms.storage.user_cache.folder import cache_folder as user_cache_folder, keep, read_kept

_PROGRAM = Path(__file__).with_name("__main__.py")
# With another release of these, the library may make another tokenizer of the same files.
_LIBRARIES = ("transformers", "tokenizers", "sentencepiece", "protobuf")

_log = logging.getLogger(__name__)


class NoAnswerError(Exception):
    """The library makes no fast tokenizer of the files; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What AutoTokenizer makes of a folder's files; `__main__` says what each field holds."""

    tokenizer_class: str
    tokenizer: str | None
    config: Mapping[str, Any]


def is_installed() -> bool:
    """Return True where there is a library to ask."""
    return importlib.util.find_spec("transformers") is not None


def reads_sentencepiece() -> bool:
    """Return True where what the library reads a SentencePiece model with is installed."""
    try:
        # It fails with another protobuf than that which it was made for.
        importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    except Exception:  # The reason is in what the library says.
        return False
    return True


def library() -> str:
    """Return the name and release of the library."""
    return f"transformers {_version('transformers')}"


def ask(name: str, files: Mapping[str, bytes]) -> Answer:
    """Return what AutoTokenizer makes of files, from the cache where they were asked about before.

    Args:
        name: The folder's name; the library goes by it for some models of its hub.
        files: The files that lie in it.

    Raises:
        NoAnswerError: it makes nothing of them, or nothing that `tokenizer.json` can hold.
    """
    remembered = cache_folder() / _key(name, files)
    try:
        answer = json.loads(read_kept(remembered))
    except OSError:
        answer = ask_library_in_a_process(name, files)
        if "error" in answer:
            raise NoAnswerError(answer["error"][:400]) from None
        try:
            keep(remembered, json.dumps(answer).encode())
        except OSError as error:  # A home that cannot be written to: the next start asks again.
            _log.info("cannot remember what the library said of the tokenizer: %s", error)
    return Answer(**answer)


def ask_library_in_a_process(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Start the program that loads the library, in a process of its own.

    Returns:
        Its answer, see `__main__`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, name)
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        done = subprocess.run(
            [sys.executable, str(_PROGRAM.parent), name, "answer.json"],
            cwd=scratch,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = Path(scratch, "answer.json")
        if not answer.exists():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            return {"error": last}
        content: dict[str, Any] = json.loads(answer.read_bytes())
        return content


def _key(name: str, files: Mapping[str, bytes]) -> str:
    document = {
        "name": name,
        "files": {file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "libraries": {library: _version(library) for library in _LIBRARIES},
        "program": hashlib.sha256(_PROGRAM.read_bytes()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cache_folder() -> Path:
    """Return the folder where answers are remembered."""
    return user_cache_folder() / "tokenizers"
