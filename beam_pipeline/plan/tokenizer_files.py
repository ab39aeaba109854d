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
    # Imported here: most runs need no hub.
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    # It retries by itself, and warns each time; what fails in the end is said in one line.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    files: dict[str, bytes] = {}
    for file in (TOKENIZER_FILE, *COMPANIONS, *_ALSO_READ):
        try:
            files[file] = Path(hf_hub_download(name, file)).read_bytes()
        except LocalEntryNotFoundError as error:
            # No network: go on only where the cache knows that there is no such file.
            if try_to_load_from_cache(name, file) is not _CACHED_NO_EXIST:
                raise _not_on_hub(name, error) from error
        except EntryNotFoundError as error:
            if file == TOKENIZER_FILE:
                raise not_fast(
                    name,
                    f"only folders are converted: save one with "
                    f"AutoTokenizer.from_pretrained({name!r}).save_pretrained(FOLDER), and pass it",
                ) from error
        except (OSError, ValueError, RuntimeError) as error:
            raise _not_on_hub(name, error) from error
    return files


def _not_on_hub(name: str, error: Exception) -> TokenizerError:
    why = " ".join(str(error).split())
    return TokenizerError(
        f"no folder or file {name!r}, and the Hugging Face hub did not give it: check the name, or "
        f"pass a folder with {TOKENIZER_FILE} ({why[:200]})"
    )
