"""Finds the files that `--tokenizer` names: in a folder, in a store, or on the Hugging Face hub."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from transforms import storage
from transforms.functional.errors import TokenizerError

TOKENIZER_FILE = "tokenizer.json"
# Beside it in a folder that Hugging Face saved; both may be missing. A dataset keeps these.
COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")
# What AutoTokenizer may read besides.
_ALSO_READ = ("config.json", "added_tokens.json")
_VOCABULARY_ENDINGS = (".json", ".txt", ".model")
# No vocabulary is that large; some folders of models hold data.
_MAX_FILE_BYTES = 64 << 20
_HUB_NAME = re.compile(r"^[\w.-]+(/[\w.-]+)?$")


def find_files(name: str) -> dict[str, bytes]:
    """Return the files that a tokenizer may be made of, by name.

    Only `tokenizer.json` where the name is that of such a file.

    Raises:
        TokenizerError: there are none.
    """
    if name.endswith(".json"):
        return {TOKENIZER_FILE: _read_file(name)}
    if storage.exists(name):
        return _read_folder(name)
    if not is_hub_name(name):
        raise TokenizerError(
            f"no tokenizer at {name}: pass a folder with {TOKENIZER_FILE}, such a file, or a name "
            f"on the Hugging Face hub"
        )
    return _download(name)


def is_hub_name(name: str) -> bool:
    """Return True for what can be a name on the hub."""
    return not ("://" in name or Path(name).is_absolute()) and bool(_HUB_NAME.match(name))


def not_fast(name: str, why: str) -> TokenizerError:
    """Return the error for files without `tokenizer.json`."""
    return TokenizerError(
        f"{name} has no {TOKENIZER_FILE}, so it is not a fast tokenizer, and {why}"
    )


def has_vocabulary(files: Mapping[str, bytes]) -> bool:
    """Return False where there is nothing but what stands beside a vocabulary."""
    return bool(files.keys() - {*COMPANIONS, *_ALSO_READ})


def holds_none(folder: str, reason: str = "") -> TokenizerError:
    """Return the error for a folder without any vocabulary, with what the library says of it."""
    return TokenizerError(
        f"{folder} holds no tokenizer, neither {TOKENIZER_FILE} nor a vocabulary such as "
        f"vocab.txt or spiece.model: pass the folder that does, or a name on the Hugging Face hub"
        f"{reason and f' ({reason})'}"
    )


def _read_file(path: str) -> bytes:
    try:
        return storage.read_bytes(path)
    except OSError as error:
        raise TokenizerError(f"no tokenizer at {path}: {error.strerror or error}") from error


def _read_folder(folder: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for file in storage.list_files(folder, recursive=False):
        path = storage.join(folder, file)
        if file.endswith(_VOCABULARY_ENDINGS):
            info = storage.info_of(path) or {}
            if (info.get("size") or 0) <= _MAX_FILE_BYTES:
                files[file] = _read_file(path)
    if not files:
        raise holds_none(folder)
    return files


def _download(name: str) -> dict[str, bytes]:
    # It retries by itself, and warns each time; what fails in the end is said in one line.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        named = (TOKENIZER_FILE, *COMPANIONS, *_ALSO_READ)
        files = {file: data for file in named if (data := _hub_file(name, file)) is not None}
        # What AutoTokenizer makes one of, or a tokenizer.json of another name that a config names.
        if TOKENIZER_FILE not in files or b"fast_tokenizer_files" in files.get(COMPANIONS[0], b""):
            others = {file: _hub_file(name, file) for file in _vocabularies_on_hub(name)}
            files |= {file: data for file, data in others.items() if data is not None}
    except (OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise TokenizerError(
            f"no folder or file {name!r}, and the Hugging Face hub did not give it: check the "
            f"name, or pass a folder with {TOKENIZER_FILE} ({why[:200]})"
        ) from error
    if not files:
        raise holds_none(name)
    return files


def _hub_file(name: str, file: str) -> bytes | None:
    """Return a file's bytes, None where the repository surely has no such file."""
    # Imported here: most runs need no hub.
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, file)).read_bytes()
    except LocalEntryNotFoundError:
        # No network: continue only where the cache knows that there is no such file.
        if try_to_load_from_cache(name, file) is not _CACHED_NO_EXIST:
            raise
    except EntryNotFoundError:
        pass
    return None


def _vocabularies_on_hub(name: str) -> list[str]:
    """Return the files of a repository that a folder's tokenizer may be made of."""
    from huggingface_hub import HfApi

    try:
        entries = list(HfApi().list_repo_tree(name))
    except Exception as error:  # Those of the client's own HTTP library are no OSErrors.
        raise OSError(str(error)) from error
    return [
        entry.path
        for entry in entries
        if entry.path.endswith(_VOCABULARY_ENDINGS) and getattr(entry, "size", 0) <= _MAX_FILE_BYTES
    ]
