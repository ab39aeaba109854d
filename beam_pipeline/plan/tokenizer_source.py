"""The tokenizer of a job: the one that AutoTokenizer makes of what `--tokenizer` names.

The files are taken as they lie where AutoTokenizer of the installed transformers makes the same
ids of them, as it does of most BERT and RoBERTa folders. It rebuilds others from their vocabulary
(T5, XLM-R, DeBERTa-v2, ALBERT, XLNet, ...): for them what it makes is written down as a
`tokenizer.json`, with a config that loads that file as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from beam_pipeline.plan.auto_tokenizer import answers
from beam_pipeline.plan.tokenizer_files import (
    COMPANIONS,
    TOKENIZER_FILE,
    find_files,
    has_vocabulary,
    holds_none,
    is_hub_name,
    not_fast,
)
from transforms.functional.dataset.manifest_entries import TokenizerEntry
from transforms.functional.errors import TokenizerError
from transforms.functional.rows.layout import Template
from transforms.functional.tokenization.encoder import Encoder, load_encoder
from transforms.functional.tokenizer_files.special_tokens import SpecialTokens, special_tokens_of
from transforms.functional.tokenizer_files.tokenizer_config import (
    FolderFiles,
    apply_config,
    has_usual_steps,
)

TOKENIZER_FOLDER = "tokenizer"
_CONFIG = COMPANIONS[0]
# Where nothing says how long, the library writes 10**30.
_NO_LIMIT = 10**9


@dataclass(frozen=True, kw_only=True)
class TokenizerSource:
    """A tokenizer's files, and what the job needs to know of it.

    Attributes:
        files: Bytes of `tokenizer.json` and its companions, by name.
        encoder: The tokenizer.
        special: Roles of its special tokens.
        built_by: The library and class that wrote `tokenizer.json`; None for the file as it lay.
        not_asked: The class that might rebuild the file with other ids, where no library was there
            to be asked; empty where none is likely to.
        model_max_length: How many tokens the model reads at once, None where no file says.
    """

    files: Mapping[str, bytes]
    encoder: Encoder
    special: SpecialTokens
    built_by: str | None = None
    not_asked: str = ""
    model_max_length: int | None = None

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

    def entry(self, folder: str = TOKENIZER_FOLDER) -> TokenizerEntry:
        """Return what the manifest says of the tokenizer, whose copy lies in a folder there."""
        return TokenizerEntry(
            path=f"{folder}/{TOKENIZER_FILE}",
            sha256=self.sha256,
            vocab_size=self.encoder.vocab_size,
            special_token_ids=self.role_ids,
            prefix=list(self.encoder.prefix),
            suffix=list(self.encoder.suffix),
            built_by=self.built_by,
        )


def load_tokenizer(name: str) -> TokenizerSource:
    """Find a tokenizer, and load what AutoTokenizer makes of it.

    Where transformers is not installed, the files are taken as they lie.

    Raises:
        TokenizerError: it is not there, is not a fast tokenizer, or its files contradict each
            other and there is no library that decides.
    """
    files = find_files(name)
    encoder = load_encoder(files[TOKENIZER_FILE]) if TOKENIZER_FILE in files else None
    said = FolderFiles.parse(name, files)
    # A tokenizer.json alone names no class that could rebuild it.
    if encoder is not None and len(files) == 1:
        return _source(files, said, encoder)
    if answers.is_installed():
        return _as_library_says(name, files, said, encoder)
    return _as_files_say(name, files, said, encoder)


def load_dataset_tokenizer(folder: str) -> TokenizerSource:
    """Load the tokenizer that a dataset keeps, as it lies.

    Raises:
        TokenizerError: it is not there.
    """
    files = find_files(folder)
    if TOKENIZER_FILE not in files:
        raise not_fast(folder, "no copy of a dataset's tokenizer")
    kept = _kept(files)
    return _source(kept, FolderFiles.parse(folder, kept), load_encoder(files[TOKENIZER_FILE]))


def _as_library_says(
    name: str, files: Mapping[str, bytes], said: FolderFiles, encoder: Encoder | None
) -> TokenizerSource:
    try:
        answer = answers.ask(name if is_hub_name(name) else TOKENIZER_FOLDER, files)
    except answers.NoAnswerError as error:
        raise _no_tokenizer(name, files, said, error) from error
    config = {**answer.config}
    limit = config.get("model_max_length")
    theirs = special_tokens_of({}, config, None)
    if answer.tokenizer is None and encoder is not None and _says(said.special_tokens, theirs):
        return replace(_source(_kept(files), said, encoder), model_max_length=limit)
    tokenizer = files[TOKENIZER_FILE] if answer.tokenizer is None else answer.tokenizer.encode()
    built = {
        TOKENIZER_FILE: tokenizer,
        _CONFIG: (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    source = _source(built, FolderFiles.parse(name, built), load_encoder(tokenizer))
    return replace(source, built_by=f"{answers.library()} {answer.tokenizer_class}")


def _says(ours: SpecialTokens, theirs: SpecialTokens) -> bool:
    """Return True where the files themselves name all that the library knows."""
    sides = (ours.padding_side, ours.truncation_side)
    return sides == (theirs.padding_side, theirs.truncation_side) and all(
        ours.roles.get(role) == token for role, token in theirs.roles.items()
    )


def _as_files_say(
    name: str, files: Mapping[str, bytes], said: FolderFiles, encoder: Encoder | None
) -> TokenizerSource:
    if encoder is None:
        raise not_fast(
            name,
            f"transformers, which can make one of {_names(files)}, is not installed: install it, "
            f"or pass a folder with {TOKENIZER_FILE}",
        )
    kept = _kept(files)
    tokenizer = apply_config(said)
    if tokenizer != said.tokenizer:
        kept[TOKENIZER_FILE] = json.dumps(tokenizer, ensure_ascii=False).encode()
        encoder = load_encoder(kept[TOKENIZER_FILE])
    source = _source(kept, FolderFiles.parse(name, kept), encoder)
    return source if has_usual_steps(said) else replace(source, not_asked=said.tokenizer_class)


def _source(files: Mapping[str, bytes], said: FolderFiles, encoder: Encoder) -> TokenizerSource:
    limit = said.config.get("model_max_length")
    return TokenizerSource(
        files=files,
        encoder=encoder,
        special=said.special_tokens,
        model_max_length=int(limit) if isinstance(limit, int) and limit < _NO_LIMIT else None,
    )


def _kept(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {file: files[file] for file in (TOKENIZER_FILE, *COMPANIONS) if file in files}


def _no_tokenizer(
    name: str, files: Mapping[str, bytes], said: FolderFiles, error: Exception
) -> TokenizerError:
    if TOKENIZER_FILE in files:
        return TokenizerError(
            f"{answers.library()} makes no fast tokenizer of {name}: pass its {TOKENIZER_FILE} "
            f"itself to take that file as it lies, or choose another ({error})"
        )
    if not has_vocabulary(files):
        return holds_none(name, str(error))
    is_model = any(file.endswith(".model") for file in files)
    if is_model and not answers.reads_sentencepiece():
        cure = "install sentencepiece and a protobuf that fits it, or "
    elif not said.tokenizer_class:
        example = "T5Tokenizer" if is_model else "BertTokenizer"
        cure = f'name its class in {_CONFIG}, as in {{"tokenizer_class": "{example}"}}, or '
    else:
        cure = ""
    return not_fast(
        name,
        f"{answers.library()} makes none of {_names(files)}: {cure}choose another ({error})",
    )


def _names(files: Mapping[str, bytes]) -> str:
    return ", ".join(sorted(files)[:6])
