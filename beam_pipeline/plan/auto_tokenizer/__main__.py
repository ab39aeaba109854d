"""A program of its own: load a folder with AutoTokenizer, and write down the tokenizer it made.

    python beam_pipeline/plan/auto_tokenizer FOLDER ANSWER

The job starts it in a process of its own, because loading transformers takes longer than many
jobs. `answers` reads the answer, a JSON file:

- `tokenizer_class`: the class that AutoTokenizer chose;
- `tokenizer`: text of a `tokenizer.json` with the same ids, null where the folder's own is that;
- `config`: a `tokenizer_config.json` with which AutoTokenizer takes that file as it lies;
- or only `error`: why there is none.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import shutil
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import tokenizers

_FILE = "tokenizer.json"
_CONFIG = "tokenizer_config.json"
# What a dataset keeps of a folder.
_KEPT = (_FILE, _CONFIG, "special_tokens_map.json")
_ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# They change how ids become text, or how many there are; no id.
_WITHOUT_IDS = ("decoder", "padding", "truncation")


def describe(folder: Path | str) -> dict[str, Any]:
    """Return the answer for a folder, see the module's text.

    Raises:
        Exception: whatever AutoTokenizer raises for files that it cannot use.
        ValueError: what it makes has no `tokenizer.json`.
    """
    made = _load(folder)
    name = type(made).__name__
    backend = getattr(made, "backend_tokenizer", None)
    if not isinstance(backend, tokenizers.Tokenizer):
        raise ValueError(f"{name} is written in Python and has no fast form")
    answer = {"tokenizer_class": name, "tokenizer": None, "config": _config_of(made)}
    if not _is_left_alone(Path(folder), made):
        answer["tokenizer"] = text_of(backend)
        _check_loads_alike(answer, made)
    return answer


def _load(folder: Path | str) -> Any:
    # Imported here: the program hides torch from it first.
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )
    made("")  # Some classes set what stands around a text when they are called.
    return made


def _config_of(made: Any) -> dict[str, Any]:
    """Return a config that says everything that the class knew by itself."""
    roles = {role: getattr(made, f"{role}_token", None) for role in _ROLES}
    named = {f"{role}_token": str(token) for role, token in roles.items() if token}
    others = [token for token in made.all_special_tokens if token not in named.values()]
    config = {
        # The one class that loads a tokenizer.json as it lies, by a name that old releases know.
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        "extra_special_tokens": others,
        "model_input_names": list(made.model_input_names),
        "padding_side": made.padding_side,
        "truncation_side": made.truncation_side,
        "clean_up_tokenization_spaces": bool(made.clean_up_tokenization_spaces),
    }
    if made.model_max_length < 10**9:  # It is 10**30 where nothing says how long.
        config["model_max_length"] = int(made.model_max_length)
    return config


def _is_left_alone(folder: Path, made: Any) -> bool:
    """Return True where the folder's files, alone, are what AutoTokenizer made of it."""
    if not (folder / _FILE).is_file():
        return False
    if _ids_of(tokenizers.Tokenizer.from_file(str(folder / _FILE))) != _ids_of(made):
        return False
    with tempfile.TemporaryDirectory() as alone:
        for name in _KEPT:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, Path(alone, name))
        return bool(_ids_of(_load(alone)) == _ids_of(made))


def _check_loads_alike(answer: dict[str, Any], made: Any) -> None:
    with tempfile.TemporaryDirectory() as alone:
        Path(alone, _FILE).write_text(answer["tokenizer"], "utf-8")
        Path(alone, _CONFIG).write_text(json.dumps(answer["config"]), "utf-8")
        loaded = _load(alone)
    ours, theirs = _ids_of(loaded), _ids_of(made)
    scores = [
        [score for _, score in content["model"].get("vocab", ())] if _is_unigram(content) else []
        for content in (ours, theirs)
    ]
    for content in (ours, theirs):
        if _is_unigram(content):
            content["model"]["vocab"] = [piece for piece, _ in content["model"]["vocab"]]
    close = all(abs(one - other) <= math.ulp(other) for one, other in zip(*scores, strict=True))
    if ours != theirs or not close or loaded.all_special_ids != made.all_special_ids:
        raise ValueError(
            f"what {type(made).__name__} makes of it cannot be saved with the same ids"
        )


def _ids_of(tokenizer: Any) -> dict[str, Any]:
    """Return what decides the ids."""
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    content = json.loads(backend.to_str())
    return {key: value for key, value in content.items() if key not in _WITHOUT_IDS}


def _is_unigram(content: dict[str, Any]) -> bool:
    return bool(content["model"]["type"] == "Unigram")


def text_of(backend: tokenizers.Tokenizer) -> str:
    """Return the text of the `tokenizer.json` that loads as this tokenizer."""
    content: dict[str, Any] = json.loads(backend.to_str())
    content["padding"] = content["truncation"] = None
    if not _is_unigram(content):
        return json.dumps(content, ensure_ascii=False)
    pieces = [piece for piece, _ in content["model"]["vocab"]]
    exact = [score for _, score in content["model"]["vocab"]]
    literals = [repr(score) for score in exact]
    text = _with_vocabulary(content, pieces, literals)
    # The library reads some long decimals one last bit apart, and that bit decides between
    # segmentations of equal score: such scores are written with another number of digits.
    for n, read in enumerate(scores_of(tokenizers.Tokenizer.from_str(text))):
        if read != exact[n]:
            literals[n] = _literal(exact[n])
    return _with_vocabulary(content, pieces, literals)


def _with_vocabulary(content: dict[str, Any], pieces: list[str], literals: list[str]) -> str:
    empty = {**content, "model": {**content["model"], "vocab": []}}
    entries = (
        f"[{json.dumps(piece, ensure_ascii=False)}, {literal}]"
        for piece, literal in zip(pieces, literals, strict=True)
    )
    # No string of the document holds this text: quotes in it are escaped.
    before, after = json.dumps(empty, ensure_ascii=False).split('"vocab": []')
    return f'{before}"vocab": [{", ".join(entries)}]{after}'


def scores_of(tokenizer: tokenizers.Tokenizer) -> list[float]:
    """Return the scores of a Unigram vocabulary, in order."""
    return [score for _, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def _literal(score: float) -> str:
    """Return a decimal that the library reads as this number, or as the next one to it.

    It reads digits as an integer of 64 bits, rounds that to a double, and divides by a power of
    ten. About one number in 700 is none that this can give.
    """
    size = Fraction(abs(score))
    sign = "-" if score < 0 else ""
    for places in reversed(range(23)):
        digits = round(size * 10**places)
        if digits >= 1 << 64:
            continue
        step = max(1, 1 << max(0, digits.bit_length() - 53))
        for near in (digits, digits - step, digits + step):
            if 0 <= near < 1 << 64 and float(near) / 10.0**places == abs(score):
                return f"{sign}{near}e-{places}"
    return repr(score)


def answer_for(folder: Path | str) -> dict[str, Any]:
    """Return the answer for a folder; the error where there is none."""
    said = _Said()
    logger = logging.getLogger("transformers")
    logger.addHandler(said)
    try:
        return describe(folder)
    except Exception as error:  # Whatever the library finds wrong with the files is the answer.
        # It may warn of the cause, go on, and fail at something else.
        text = " ".join([*said.warnings, str(error) or type(error).__name__])
        return {"error": " ".join(text.split())}
    finally:
        logger.removeHandler(said)


class _Said(logging.Handler):
    """Keeps the library's warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.warnings.append(record.getMessage())


if __name__ == "__main__":
    # Tokenizers need no torch, and without it transformers loads in half the time.
    sys.modules["torch"] = None  # type: ignore[assignment]
    # What it says of the missing torch is no part of an answer.
    importlib.import_module("transformers")
    Path(sys.argv[2]).write_text(json.dumps(answer_for(sys.argv[1])), "utf-8")
