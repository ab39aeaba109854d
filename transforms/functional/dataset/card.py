"""The dataset card: `README.md` by which `datasets.load_dataset` and the hub read a dataset.

Its front matter names the folders of committed generations, so what a failed run left is not read.
The job writes what stands between its own marks; licence, tags and text around them are the user's.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.dataset.shards import id_type
from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.records import Records

CARD_NAME = "README.md"

# No file is called so: who loads the dataset before there is one gets an error that names it.
_NO_FILES = "no-dataset-yet"

_BEGIN, _END = "review-shards: begin", "review-shards: end"
_DATA = re.compile(f"^# {_BEGIN}.*?^# {_END}$", re.DOTALL | re.MULTILINE)
_TEXT = re.compile(f"^<!-- {_BEGIN}.*?^<!-- {_END} -->$", re.DOTALL | re.MULTILINE)
_NEW = f"""---
# {_BEGIN}
# {_END}
---

# Reviews as rows of tokens

<!-- {_BEGIN}
<!-- {_END} -->
"""

Field = dict[str, Any]


def card_text(manifest: Manifest | None, old: str | None = None) -> str | None:
    """Return the card of a dataset.

    Args:
        manifest: The dataset; None while there is none, so that nothing is read.
        old: The card that is there; what stands outside the job's marks is kept.

    Returns:
        The card; None where `old` has not the marks of a card that a job wrote.
    """
    text = _NEW if old is None else old.replace("\r\n", "\n")
    if not (_DATA.search(text) and _TEXT.search(text)):
        return None
    text = _DATA.sub(lambda _: _data(manifest), text, count=1)
    return _TEXT.sub(lambda _: _prose(manifest), text, count=1)


def _data(manifest: Manifest | None) -> str:
    # One line for each value: no label may end the front matter.
    text = yaml.safe_dump(_document(manifest), sort_keys=False, allow_unicode=True, width=2**31)
    return (
        f"# {_BEGIN} (the job writes these lines; put `license:` and others above them)\n"
        f"{text}# {_END}"
    )


def _document(manifest: Manifest | None) -> Field:
    """Return the front matter."""
    if manifest is None:
        nothing: Field = {"split": "train", "path": _NO_FILES}
        return {"configs": [{"config_name": "default", "data_files": [nothing]}]}
    # Nobody reads a subset without rows: a pattern that matches nothing is an error.
    subsets = {name: shards for name, shards in manifest.subsets.items() if len(shards)}
    sizes = {name: shards.total("bytes") for name, shards in subsets.items()}
    document: Field = {}
    if subsets:
        files = [{"split": name, "path": _patterns(shards)} for name, shards in subsets.items()]
        document["configs"] = [{"config_name": "default", "data_files": files}]
    document["dataset_info"] = {
        "features": _features(manifest),
        "splits": [
            {"name": name, "num_bytes": sizes[name], "num_examples": manifest.rows(name)}
            for name in subsets
        ],
        "download_size": sum(sizes.values()),
        "dataset_size": sum(sizes.values()),
    }
    document["size_categories"] = [_size_category(sum(map(manifest.rows, subsets)))]
    return document


def _patterns(shards: Records[ShardEntry]) -> list[str]:
    """Return the folders of generations as patterns, and each shard that lies in none of them."""
    paths = shards.column("path")
    in_folders = pc.greater(pc.count_substring(paths, "/"), 1)
    folders = pc.replace_substring_regex(paths.filter(in_folders), r"[^/]*(\.\w+)$", r"*\1")
    flat: list[str] = paths.filter(pc.invert(in_folders)).to_pylist()
    return flat + list(dict.fromkeys(folders.to_pylist()))


def _features(manifest: Manifest) -> list[Field]:
    """Return the columns as `datasets.Features` writes them."""
    config = manifest.config
    ragged = manifest.task == "classification" and config.get("padding") == "longest"
    length = {} if ragged else {"length": manifest.max_length}

    def tokens(name: str, kind: pa.DataType) -> Field:
        return {"name": name, "list": str(kind), **length}

    features = [
        tokens("input_ids", id_type(manifest.tokenizer.vocab_size)),
        tokens("attention_mask", pa.bool_()),
        tokens("word_starts", pa.bool_()),
    ]
    if manifest.has_review_starts:
        features.append(tokens("review_starts", pa.bool_()))
    if manifest.task == "classification":
        features.append({"name": "labels", **_label_type(manifest)})
    elif config.get("masking") == "static":
        features.append(tokens("labels", pa.int32()))
    places = ({"name": "source", "dtype": "uint32"}, {"name": "record", "dtype": "uint64"})
    return [*features, *places]


def _label_type(manifest: Manifest) -> Field:
    """Return the type of labels; classes with names where their numbers are those of a list."""
    if manifest.problem_type == REGRESSION:
        return {"dtype": "float32"}
    if manifest.problem_type == MULTI:
        return {"list": "float32"}
    names = class_names(manifest)
    if names is None:
        return {"dtype": "int64"}
    by_number = {str(number): name for number, name in enumerate(names)}
    return {"dtype": {"class_label": {"names": by_number}}}


def class_names(manifest: Manifest) -> list[str] | None:
    """Return the names of classes by number; None where a label is no number of a named class.

    A label of -1 has no name.
    """
    names = {number: name for name, number in (manifest.label_numbers or {}).items() if number >= 0}
    is_list = sorted(names) == list(range(len(names)))
    if not names or not is_list or manifest.problem_type in (MULTI, REGRESSION):
        return None
    return [names[number] for number in sorted(names)]


def _label_lines(manifest: Manifest) -> list[str]:
    """Return what the values in a list of labels stand for, which no feature says."""
    if manifest.problem_type != MULTI:
        return []
    numbers = manifest.label_numbers or {}
    names = ", ".join(sorted(numbers, key=lambda name: numbers[name]))
    return [f"- Labels: 1 for each class that applies, of {names}."]


def _size_category(rows: int) -> str:
    """Return the hub's word for a number of rows."""
    limits = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    for place, limit in enumerate(limits):
        if rows < 10 ** (place + 3):
            return f"{limits[place - 1]}<n<{limit}" if place else f"n<{limit}"
    return f"n>{limits[-1]}"


def _prose(manifest: Manifest | None) -> str:
    begin = f"<!-- {_BEGIN} (the job writes these lines; put your own below them) -->"
    if manifest is None:
        return f"{begin}\nThe job that makes this dataset has not finished.\n<!-- {_END} -->"
    reviews, tokens = manifest.ledger.reviews, manifest.ledger.tokens
    task = {"mlm": "masked language modelling", "classification": "classification"}[manifest.task]
    left_out = (
        f"{reviews.rejected:,} rejected, {reviews.dropped:,} dropped, "
        f"{reviews.duplicates:,} duplicates, {reviews.excluded:,} excluded"
        + (f", {reviews.unlabelled:,} without a label" if reviews.unlabelled else "")
    )
    n_inputs = len(manifest.inputs)
    lines = [
        begin,
        f"Rows of at most {manifest.max_length:,} tokens for {task}, made by review-shards of "
        f"{n_inputs:,} input {'file' if n_inputs == 1 else 'files'}; generation "
        f"{manifest.generation:,}.",
        "",
        "| subset | rows | tokens |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {manifest.rows(name):,} | {manifest.tokens(name):,} |"
            for name in manifest.subsets
        ),
        "",
        f"- Reviews: {reviews.read:,} read = {reviews.written:,} written + {left_out}.",
        f"- Tokens: {tokens.written:,} written, {tokens.dropped:,} dropped.",
        *_label_lines(manifest),
        f"- Tokenizer: `{manifest.tokenizer.path}`, {manifest.tokenizer.vocab_size:,} ids.",
        f"- Content: sha256 `{manifest.content_sha256()}`.",
        "",
        "`datasets.load_dataset` of this folder reads the rows that are committed, and no others. "
        "`manifest.json` names each shard with its hash. The licence is that of the reviews: name "
        "it above, as `license: ...`.",
        f"<!-- {_END} -->",
    ]
    return "\n".join(lines)
