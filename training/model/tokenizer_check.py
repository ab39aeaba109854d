"""The tokenizer of a dataset, and whether others give the same ids."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer
from transformers import (
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from training.reading.dataset import ShardDataset
from transforms.functional.errors import DatasetError

# Words, case, accents (composed and not), digits, controls, other scripts, ligatures, long words,
# runs of letters, and the text of special tokens.
_PROBES = (
    "Hello World's naïve café, in 1984: don't you think so?",
    "  two  spaces\tand a tab\nand a\x85control; \ufb01ne \uff21\uff22 \u0130stanbul",
    "中文 和 日本語, русский, ελληνικά, عربى, 👩‍👩‍👧 <br /><br />",
    "[MASK] <mask> [SEP] </s> unbelievablyundividedwordthatnobodyknows",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",
    "1998 2001 12,345.67 0000000 3.14159",
    "a\x00b\x01c\x7fd e\u200bf\xadg \ufeffh",
    "x" * 101 + " " + "yz" * 120,
    "soooo sooooooo noooooooooo aaaaaaaaaaaaa !!!!!! ......... ---",
)
# Reviews of the dataset that are probes, too.
_N_REVIEWS = 32
_COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")
# They change how ids become text, or how many there are; no id.
_WITHOUT_IDS = ("decoder", "padding", "truncation")


def dataset_tokenizer(dataset: ShardDataset) -> PreTrainedTokenizerBase:
    """Return the tokenizer that made the dataset's ids, also where its class would change them."""
    entry = dataset.manifest.tokenizer
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer_file(folder, dataset)
        for name in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                companion = dataset.location.read(f"{entry.path.rpartition('/')[0]}/{name}")
                Path(folder, name).write_bytes(companion)
        loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False
        )
    backend = _file_of(dataset)
    has_roles = all(
        getattr(loaded, f"{role}_token_id") == token
        for role, token in entry.special_token_ids.items()
    )
    if _ids_of(_backend_of(loaded)) == _ids_of(backend) and has_roles:
        return loaded
    roles: dict[str, Any] = {
        f"{role}_token": backend.id_to_token(token)
        for role, token in entry.special_token_ids.items()
    }
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        model_max_length=loaded.model_max_length,
        model_input_names=loaded.model_input_names,
        padding_side=loaded.padding_side,
        truncation_side=loaded.truncation_side,
        **roles,
    )


def check_same_tokenizer(dataset: ShardDataset, model: PreTrainedTokenizerBase, name: str) -> None:
    """Refuse a dataset whose ids mean something else to the model.

    The files need not be equal: saved truncation and padding do not matter, nor how a release of
    the library spells the same thing. Vocabularies must be equal, and probes get the same ids.

    Args:
        name: The model's name, for the message.

    Raises:
        DatasetError: the tokenizers differ.
    """
    ours, theirs = _file_of(dataset), _backend_of(model)
    url = dataset.location.url
    if theirs is None:
        raise DatasetError(
            f"{name} has no fast tokenizer to compare with that of {url}: choose another model"
        )
    our_words, their_words = ours.get_vocab(), theirs.get_vocab()
    if our_words != their_words:
        differ = sorted(our_words.items() ^ their_words.items())[0]
        raise DatasetError(
            f"the dataset {url} was made with another tokenizer than that of {name}: make it with "
            f"--tokenizer {name}, or choose the model that its tokenizer belongs to (they differ "
            f"at token {differ[0]!r}, id {differ[1]})"
        )
    probe = _differs_on(ours, theirs, dataset)
    if probe is not None:
        release = f"transformers {transformers.__version__}"
        made = dataset.manifest.tokenizer.built_by or "a tokenizer.json as it lay"
        raise DatasetError(
            f"the ids of {url}, made with {made}, are not those that {release} gives for {name}: "
            f"make it with --tokenizer {name} where {release} is installed (they differ on "
            f"{probe[:80]!r})"
        )


def write_tokenizer_file(folder: str | Path, dataset: ShardDataset) -> None:
    """Put the dataset's own `tokenizer.json` in the place of the one that was saved with a model.

    The library writes the scores of a Unigram model in digits that it may read back one last bit
    apart, which decides between segmentations of equal score; the job's file has digits that it
    reads right.
    """
    data = dataset.location.read(dataset.manifest.tokenizer.path)
    Path(folder, "tokenizer.json").write_bytes(data)


def check_type_of_model(config: PreTrainedConfig, dataset: ShardDataset, path: str) -> None:
    """Refuse a type of model with which the saved tokenizer would not give the dataset's ids.

    Some types bring a class of tokenizer of their own, whatever is saved: nobody needs to train one
    to know.

    Args:
        config: What a new model is made from.
        path: Where the config lies, for the message.

    Raises:
        DatasetError: it would give others.
    """
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        dataset_tokenizer(dataset).save_pretrained(folder)
        write_tokenizer_file(folder, dataset)
        probe = _differs_when_loaded(folder, dataset)
    if probe is not None:
        raise DatasetError(
            f"--from_config {path}: beside a model of type {config.model_type} AutoTokenizer makes "
            f"other ids than those of {dataset.location.url}: make it with a tokenizer of that "
            f"type, or choose another config (they differ on {probe[:80]!r})"
        )


def check_saved_tokenizer(folder: str, dataset: ShardDataset) -> None:
    """Check that what AutoTokenizer loads from a saved model gives the dataset's ids.

    Raises:
        DatasetError: it gives others, for the model's type or the saved class.
    """
    probe = _differs_when_loaded(folder, dataset)
    if probe is not None:
        raise DatasetError(
            f"the model is saved in {folder}, but AutoTokenizer makes other ids there than those "
            f"that it was trained on: load its tokenizer with "
            f"PreTrainedTokenizerFast.from_pretrained (they differ on {probe[:80]!r})"
        )


def _differs_when_loaded(folder: str, dataset: ShardDataset) -> str | None:
    """Return a text that gets other ids from a saved tokenizer, None where none is found."""
    theirs = _backend_of(AutoTokenizer.from_pretrained(folder, trust_remote_code=False))
    return "" if theirs is None else _differs_on(_file_of(dataset), theirs, dataset)


def _differs_on(ours: Tokenizer, theirs: Tokenizer, dataset: ShardDataset) -> str | None:
    """Return a text that gets other ids, None where none is found."""
    # Not of copies: a copy is written and read, which may change the last bit of a score.
    for tokenizer in (ours, theirs):
        tokenizer.no_truncation()
        tokenizer.no_padding()
    if _ids_of(ours) == _ids_of(theirs):
        return None
    texts = [*_PROBES, *_reviews_of(dataset, ours)]
    pairs = zip(texts, ours.encode_batch(texts), theirs.encode_batch(texts), strict=True)
    return next((text for text, one, other in pairs if one.ids != other.ids), None)


def _reviews_of(dataset: ShardDataset, tokenizer: Tokenizer) -> Sequence[str]:
    """Return the texts of rows, as far as ids tell them."""
    rows = [dataset[row]["input_ids"] for row in range(min(len(dataset), _N_REVIEWS))]
    return [tokenizer.decode([int(token) for token in row]) for row in rows]


def _ids_of(backend: Tokenizer | None) -> dict[str, Any] | None:
    """Return what decides a tokenizer's ids."""
    if backend is None:
        return None
    content = json.loads(backend.to_str())
    return {key: value for key, value in content.items() if key not in _WITHOUT_IDS}


def _backend_of(tokenizer: PreTrainedTokenizerBase) -> Tokenizer | None:
    # Some classes set what stands around a text when they are called; some take no text alone.
    with contextlib.suppress(ValueError):
        tokenizer("")
    return getattr(tokenizer, "backend_tokenizer", None)


def _file_of(dataset: ShardDataset) -> Tokenizer:
    return Tokenizer.from_str(dataset.location.read(dataset.manifest.tokenizer.path).decode())
