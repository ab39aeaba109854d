"""The forms of a manifest's fields: readers turn them into paths, sizes and arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.functional.errors import InputError
from transforms.functional.problem_type_names import SINGLE
from transforms.functional.records import Records, schema_of
from transforms.functional.reviews.problem_types import LABEL_TYPES
from transforms.functional.safe_paths import check_inside

MANIFEST_NAME = "manifest.json"

_SHA256 = "^[0-9a-f]{64}$"
_LARGEST = 2**63 - 1
_LARGEST_LENGTH = 2**31 - 1  # Offsets of ragged rows are int32.
_LARGEST_VOCABULARY = 2**32  # Ids are at most uint32.


@dataclass(frozen=True)
class Form:
    """What a field must be.

    Attributes:
        name: The form in words, for messages.
        fits: Returns True for values of the form.
    """

    name: str
    fits: Callable[[Any], bool]


SHA256 = Form(
    "sha256 of 64 hexadecimal digits",
    lambda value: isinstance(value, str) and re.search(_SHA256, value) is not None,
)
OBJECT = Form("JSON object", lambda value: isinstance(value, Mapping))


def number(least: int = 0, most: int = _LARGEST) -> Form:
    """Return the form of a whole number."""
    return Form(
        f"whole number from {least} to {most}",
        # True and 1.0 are equal to 1, but no whole numbers in JSON.
        lambda value: type(value) is int and least <= value <= most,
    )


def one_of(*names: str) -> Form:
    """Return the form of a name out of a few."""
    return Form(f"one of {', '.join(names)}", lambda value: value in names)


def check_document(data: Mapping[str, Any], subsets: Sequence[str], where: str) -> None:
    """Raise `InputError` for the first field of a manifest that has not its form.

    Shards and inputs, which may be many, are left to `check_records`.
    """
    for name, value, form in _fields(data, subsets):
        if not form.fits(value):
            raise _wrong(where, name, value, form)
    paths = [file["path"] for files in data["lists"].values() for file in files]
    check_inside([data["tokenizer"]["path"], *paths], where)


def _fields(data: Mapping[str, Any], subsets: Sequence[str]) -> Iterator[tuple[str, Any, Form]]:
    """Yield name, value and form of each field; later ones may rely on earlier ones."""
    yield "format_version", data["format_version"], number(1)
    yield "fingerprint", data["fingerprint"], SHA256
    yield "task", data["task"], one_of("mlm", "classification")
    yield "max_length", data["max_length"], number(1, _LARGEST_LENGTH)
    yield "config", data["config"], OBJECT
    problem_type = data["config"].get("problem_type", SINGLE)
    yield "problem_type", problem_type, one_of(*LABEL_TYPES)
    yield from _tokenizer_fields(data["tokenizer"])
    yield "label_numbers", data["label_numbers"] or {}, OBJECT
    for label, value in (data["label_numbers"] or {}).items():
        # Hugging Face's datasets number what has no label -1.
        yield f"the number of label {label!r}", value, number(-1)
    for name in data["splits"]:
        yield "the name of a subset", name, one_of(*subsets)
    for name, files in data["lists"].items():
        yield "the name of a list", name, one_of("inputs", *subsets)
        for file in files:
            yield f"sha256 of {file['path']}", file["sha256"], SHA256
            yield f"rows of {file['path']}", file["rows"], number()
    for place, generation in enumerate(data["generations"]):
        for name, value in generation.items():
            yield f"{name} of generation {place + 1}", value, number()
    for entry in data.get("excluded", ()):
        yield "bytes of an excluded input", entry["bytes"], number()
    n_inputs = sum(generation["inputs"] for generation in data["generations"])
    for file in data.get("quarantined", ()):
        yield "source of a quarantined input", file["source"], number(most=n_inputs - 1)
        for name in ("records", "rejected"):
            yield f"{name} of a quarantined input", file[name], number()


def _tokenizer_fields(tokenizer: Mapping[str, Any]) -> Iterator[tuple[str, Any, Form]]:
    yield "sha256 of the tokenizer", tokenizer["sha256"], SHA256
    yield "vocab_size", tokenizer["vocab_size"], number(1, _LARGEST_VOCABULARY)
    yield "special_token_ids", tokenizer["special_token_ids"], OBJECT
    token_id = number(most=tokenizer["vocab_size"] - 1)
    for role, value in tokenizer["special_token_ids"].items():
        yield f"the id of {role}", value, token_id
    for part in ("prefix", "suffix"):
        for value in tokenizer[part]:
            yield f"an id of the {part}", value, token_id


def check_records(records: Records[Any], name: str, where: str) -> None:
    """Raise `InputError` for the first record with a negative number, or a wrong hash.

    Args:
        records: The records; fields whose names end in `sha256` are hashes.
    """
    for field in schema_of(records.kind):
        column = records.column(field.name)
        if field.name.endswith("sha256"):
            fits, form = pc.match_substring_regex(column, _SHA256), SHA256
        elif pa.types.is_integer(field.type):
            fits, form = pc.greater_equal(column, 0), number()
        else:
            continue
        place = pc.index(fits, False).as_py()
        if place >= 0:
            raise _wrong(where, f"{field.name} of {name} {place}", column[place].as_py(), form)


def damaged(where: str, what: str) -> InputError:
    """Return the error of a manifest that cannot be read."""
    cure = "; the newest file in manifests/ is a copy of it" if where == MANIFEST_NAME else ""
    return InputError(f"{where} is damaged: {what}{cure}")


def _wrong(where: str, name: str, value: Any, form: Form) -> InputError:
    return damaged(where, f"{name} is {str(value)[:80]!r}, which is no {form.name}")
