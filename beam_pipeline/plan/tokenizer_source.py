"""Where `--tokenizer` leads: a folder, a `tokenizer.json`, or a name on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transforms import storage
from transforms.functional.dataset.manifest import TokenizerEntry
from transforms.functional.errors import TokenizerError
from transforms.functional.rows.template import Template
from transforms.functional.tokenization.encoder import Encoder, load_encoder
from transforms.functional.tokenizer_files.special_tokens import SpecialTokens, special_tokens_of
from transforms.functional.tokenizer_files.tokenizer_config import apply_config

TOKENIZER_FOLDER = "tokenizer"
TOKENIZER_FILE = "tokenizer.json"
# Beside it in a folder that Hugging Face saved; both may be missing.
_COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")
_HUB_NAME = re.compile(r"^[\w.-]+(/[\w.-]+)?$")


@dataclass(frozen=True, kw_only=True)
class TokenizerSource:
    """A tokenizer's files, and what the job needs to know of it.

    Attributes:
        files: Bytes of `tokenizer.json` and its companions, by name.
        encoder: The tokenizer.
        special: Roles of its special tokens.
    """

    files: Mapping[str, bytes]
    encoder: Encoder
    special: SpecialTokens

    @property
    def sha256(self) -> str:
        """Hash of `tokenizer.json`."""
        return hashlib.sha256(self.files[TOKENIZER_FILE]).hexdigest()

    @property
    def template(self) -> Template:
        """The special tokens around one sequence."""
        return Template(prefix=self.encoder.prefix, suffix=self.encoder.suffix)

    @property
    def role_ids(self) -> dict[str, int]:
        """Ids of the special tokens by role."""
        ids = {role: self.encoder.token_to_id(name) for role, name in self.special.roles.items()}
        return {role: token_id for role, token_id in sorted(ids.items()) if token_id is not None}

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Ids that masks never choose."""
        return self.entry().unmaskable_ids(self.encoder.special_ids)

    def need(self, role: str, why: str) -> int:
        """Return the id of a role's token.

        Raises:
            TokenizerError: the tokenizer has none.
        """
        token_id = self.role_ids.get(role)
        if token_id is None:
            raise TokenizerError(
                f"the tokenizer has no {role} token, which {why} needs: choose another value, or "
                f"name one as {role}_token in its tokenizer_config.json"
            )
        return token_id

    def entry(self) -> TokenizerEntry:
        """Return what the manifest says of the tokenizer."""
        return TokenizerEntry(
            path=f"{TOKENIZER_FOLDER}/{TOKENIZER_FILE}",
            sha256=self.sha256,
            vocab_size=self.encoder.vocab_size,
            special_token_ids=self.role_ids,
            prefix=list(self.encoder.prefix),
            suffix=list(self.encoder.suffix),
        )


def load_tokenizer(name: str) -> TokenizerSource:
    """Find and load a tokenizer.

    Raises:
        TokenizerError: it is not there, or is not a fast tokenizer.
    """
    files = _find(name)
    encoder = load_encoder(files[TOKENIZER_FILE])
    contents = [_parse(name, file, files.get(file)) for file in (TOKENIZER_FILE, *_COMPANIONS)]
    tokenizer = apply_config(contents[0] or {}, contents[1], contents[2])
    if tokenizer != contents[0]:
        files[TOKENIZER_FILE] = json.dumps(tokenizer, ensure_ascii=False).encode()
        encoder = load_encoder(files[TOKENIZER_FILE])
    special = special_tokens_of(tokenizer, contents[1], contents[2])
    return TokenizerSource(files=files, encoder=encoder, special=special)


def _find(name: str) -> dict[str, bytes]:
    if name.endswith(".json"):
        return {TOKENIZER_FILE: _read_file(name)}
    if storage.exists(name):
        return _read_folder(name)
    if "://" in name or Path(name).is_absolute() or not _HUB_NAME.match(name):
        raise TokenizerError(
            f"no tokenizer at {name}: pass a folder with {TOKENIZER_FILE}, such a file, or a name "
            f"on the Hugging Face hub"
        )
    return _download(name)


def _read_file(path: str) -> bytes:
    try:
        return storage.read_bytes(path)
    except OSError as error:
        raise TokenizerError(f"no tokenizer at {path}: {error.strerror or error}") from error


def _read_folder(folder: str) -> dict[str, bytes]:
    if not storage.exists(storage.join(folder, TOKENIZER_FILE)):
        raise _not_fast(folder)
    files = (TOKENIZER_FILE, *_COMPANIONS)
    present = [file for file in files if storage.exists(storage.join(folder, file))]
    return {file: _read_file(storage.join(folder, file)) for file in present}


def _download(name: str) -> dict[str, bytes]:
    # Imported here: most runs need no hub.
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    # It retries by itself, and warns each time; what fails in the end is said in one line.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    files: dict[str, bytes] = {}
    for file in (TOKENIZER_FILE, *_COMPANIONS):
        try:
            files[file] = Path(hf_hub_download(name, file)).read_bytes()
        except LocalEntryNotFoundError as error:
            # No network: go on only where the cache knows that there is no such file.
            if try_to_load_from_cache(name, file) is not _CACHED_NO_EXIST:
                raise _not_on_hub(name, error) from error
        except EntryNotFoundError as error:
            if file == TOKENIZER_FILE:
                raise _not_fast(name) from error
        except (OSError, ValueError, RuntimeError) as error:
            raise _not_on_hub(name, error) from error
    return files


def _not_fast(name: str) -> TokenizerError:
    return TokenizerError(
        f"{name} has no {TOKENIZER_FILE}, so it is not a fast tokenizer: make one with "
        f"AutoTokenizer.from_pretrained({name!r}).save_pretrained(FOLDER)"
    )


def _not_on_hub(name: str, error: Exception) -> TokenizerError:
    why = " ".join(str(error).split())
    return TokenizerError(
        f"no folder or file {name!r}, and the Hugging Face hub did not give it: check the name, or "
        f"pass a folder with {TOKENIZER_FILE} ({why[:200]})"
    )


def _parse(name: str, file: str, data: bytes | None) -> dict[str, Any] | None:
    if data is None:
        return None
    try:
        content = json.loads(data)
    except ValueError as error:
        raise TokenizerError(f"{name}: {file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise TokenizerError(f"{name}: {file} holds no JSON object")
    return content
