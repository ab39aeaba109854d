"""The tokenizer of a dataset, and whether it is the model's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from training.reading.dataset import ShardDataset
from training.reading.manifest_source import Location
from transforms.functional.errors import DatasetError

# Words, case, accents, numbers, controls, other scripts, ligatures, and a special token's text.
_PROBES = (
    "Hello World's naïve café, in 1984: don't you think so?",
    "  two  spaces\tand a tab\nand a\x85control; \ufb01ne \uff21\uff22 \u0130stanbul",
    "中文 和 日本語, русский, ελληνικά, عربى, 👩‍👩‍👧 <br /><br />",
    "[MASK] <mask> [SEP] </s> unbelievablyundividedwordthatnobodyknows",
)
_COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")


def dataset_tokenizer(dataset: ShardDataset) -> PreTrainedTokenizerBase:
    """Return the tokenizer that made the dataset's ids."""
    location, entry = dataset.location, dataset.manifest.tokenizer
    folder = entry.path.rpartition("/")[0]
    with tempfile.TemporaryDirectory() as temporary:
        names = ["tokenizer.json"]
        Path(temporary, names[0]).write_bytes(location.read(entry.path))
        for name in _COMPANIONS:
            data = _read_if_there(location, f"{folder}/{name}")
            if data is not None:
                Path(temporary, name).write_bytes(data)
                names.append(name)
        if "tokenizer_config.json" in names:
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                temporary, trust_remote_code=False
            )
            return tokenizer
        backend = Tokenizer.from_file(str(Path(temporary, names[0])))
        roles: dict[str, Any] = {
            f"{role}_token": backend.id_to_token(token)
            for role, token in entry.special_token_ids.items()
        }
        return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=backend, model_max_length=dataset.max_length, **roles
        )


def check_same_tokenizer(dataset: ShardDataset, model: PreTrainedTokenizerBase, name: str) -> None:
    """Refuse a dataset whose ids mean something else to the model.

    The files need not be equal: saved truncation and padding do not matter, nor how a release of
    the library spells the same thing. Vocabularies must be equal, and probes get the same ids.

    Args:
        dataset: The dataset.
        model: The model's tokenizer.
        name: The model's name, for the message.

    Raises:
        DatasetError: the tokenizers differ.
    """
    theirs = getattr(model, "backend_tokenizer", None)
    entry = dataset.manifest.tokenizer
    ours = Tokenizer.from_str(dataset.location.read(entry.path).decode())
    cure = (
        f"the dataset {dataset.location.url} was made with another tokenizer than that of {name}: "
        f"make it with --tokenizer {name}, or choose the model that its tokenizer belongs to"
    )
    if theirs is None:
        raise DatasetError(f"{name} has no fast tokenizer to compare with; {cure}")
    our_words, their_words = ours.get_vocab(), theirs.get_vocab()
    if our_words != their_words:
        differ = sorted(our_words.items() ^ their_words.items())[0]
        raise DatasetError(f"{cure} (they differ at token {differ[0]!r}, id {differ[1]})")
    theirs = Tokenizer.from_str(theirs.to_str())
    for tokenizer in (ours, theirs):
        tokenizer.no_truncation()
        tokenizer.no_padding()
    for probe in _PROBES:
        if ours.encode(probe).ids != theirs.encode(probe).ids:
            raise DatasetError(f"{cure} (they differ on {probe!r})")


def _read_if_there(location: Location, name: str) -> bytes | None:
    try:
        return location.read(name)
    except FileNotFoundError:
        return None
