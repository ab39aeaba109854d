"""A row as text: its words, what is special, padding and masks, and the reviews it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.text import Text

from transforms import storage
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import ShardEntry
from transforms.functional.dataset.shards import read_shard
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import MULTI
from transforms.functional.reviews.problem_types import HOT
from transforms.functional.rows.token_bits import no_word
from transforms.functional.safe_urls import escape_controls, printable
from transforms.functional.tokenization.encoder import Encoder

NOT_PREDICTED = -100
PIECE = "\N{MIDDLE DOT}"

_SPECIAL, _PADDING, _MASKED, _PIECE = "cyan", "dim", "bold magenta", "yellow"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a dataset.

    Attributes:
        number: Its number in the subset.
        subset: The subset.
        shard: Path of its shard, below the output.
        columns: Its values by column.
        label: Its review's label in words, None where it has none.
        mlm_labels: (n_tokens,) ids under static masks, -100 where nothing is predicted; None
            without them.
        review: Input file and record of the review that its first token belongs to, and how many
            others are in the row.
        outside: (n_tokens,) bool, True for tokens that belong to no word.
        encoder: The tokenizer.
    """

    number: int
    subset: str
    shard: str
    columns: Mapping[str, Any]
    label: str | None
    mlm_labels: Sequence[int] | None
    review: str
    outside: np.ndarray
    encoder: Encoder


def load_row(output: str, manifest: Manifest, subset: str, number: int) -> Row:
    """Read a row.

    Raises:
        UsageError: there is no such row.
    """
    entry, place = find_row(manifest, subset, number)
    data = storage.read_bytes(storage.join(output, entry.path))
    columns = read_shard(data, entry.format).slice(place, 1).to_pylist()[0]
    ids = np.asarray(columns["input_ids"], np.uint32)
    starts = np.asarray(columns["word_starts"], np.bool_)
    template = np.asarray(manifest.tokenizer.template_ids(), np.uint32)
    outside = no_word(ids, starts, template)
    if manifest.has_review_starts:
        begins = np.flatnonzero(columns["review_starts"]).tolist()
    else:
        prefix = list(manifest.tokenizer.prefix)
        begins = [
            at
            for at in np.flatnonzero(outside).tolist()
            if prefix and ids[at : at + len(prefix)].tolist() == prefix
        ]
    return Row(
        number=number,
        subset=subset,
        shard=entry.path,
        columns=columns,
        label=_label(manifest, columns.get("labels")),
        mlm_labels=columns.get("labels") if manifest.problem_type is None else None,
        review=f"{manifest.inputs[columns['source']].path}, record {columns['record']}"
        + _others(manifest, sum(at > 0 for at in begins)),
        outside=outside,
        encoder=Encoder(storage.read_bytes(storage.join(output, manifest.tokenizer.path))),
    )


def _label(manifest: Manifest, label: Any) -> str | None:
    """Return a review's label for people: a number, or the names of its classes."""
    if manifest.problem_type is None:
        return None
    if manifest.problem_type != MULTI:
        return f"{label:g}" if isinstance(label, float) else str(label)
    names = {number: name for name, number in (manifest.label_numbers or {}).items()}
    hot = [place for place, value in enumerate(label) if value >= HOT]
    return ", ".join(names.get(place, str(place)) for place in hot) or "none"


def _others(manifest: Manifest, count: int) -> str:
    if not count:
        return ""
    return f", and {count} more" if manifest.is_best_fit else f", and the {count} after it"


def find_row(manifest: Manifest, subset: str, number: int) -> tuple[ShardEntry, int]:
    """Return the shard that holds a row, and the row's place in it."""
    before = 0
    for entry in manifest.subsets.get(subset, ()):
        if 0 <= number - before < entry.rows:
            return entry, number - before
        before += entry.rows
    if not before:
        raise UsageError(f"there are no rows in {subset}: choose another --subset")
    raise UsageError(f"--row must be from 0 to {before - 1} in {subset}, got {number}")


def row_text(row: Row) -> Text:
    """Return a row for people: where it came from, its label, its words, and what the signs mean.

    Words stand apart by blanks, the tokens of one word by dots.
    """
    head = f"row         {row.number} of {row.subset}, in {row.shard}\nreview      {row.review}\n"
    text = Text(printable(head))
    if row.label is not None:
        text.append(f"label       {printable(row.label)}\n")
    text.append("text        ")
    text.append_text(Text(" ").join(_words(row)))
    text.append("\n            ")
    text.append("[special]", _SPECIAL).append("  ")
    text.append(f"to{PIECE}kens of one word", _PIECE).append("  ")
    if row.mlm_labels is not None:
        text.append("now(masked)", _MASKED).append("  ")
    return text.append("[padding] x how many", _PADDING)


def _words(row: Row) -> Iterator[Text]:
    real = np.asarray(row.columns["attention_mask"], np.bool_)
    starts = np.asarray(row.columns["word_starts"], np.bool_)
    # A token continues a word where it neither starts one nor is outside of all words.
    first = np.flatnonzero(real & (starts | row.outside | (np.arange(len(real)) == 0))).tolist()
    ends = [*first[1:], *np.flatnonzero(real)[-1:] + 1]
    padding = np.flatnonzero(~real)
    fill = None
    if len(padding):
        pad = _token(row, row.columns["input_ids"][padding[0]])
        fill = Text(f"{pad} x {len(padding)}", _PADDING)
        if padding[0] == 0:
            yield fill
    for start, end in zip(first, ends, strict=False):
        # Padding on the left ends before the first word, so `end` never crosses it.
        yield _word(row, start, int(end))
    if fill is not None and padding[0] > 0:
        yield fill


def _word(row: Row, start: int, end: int) -> Text:
    ids = row.columns["input_ids"][start:end]
    if row.outside[start]:
        return Text(_token(row, ids[0]), _SPECIAL)
    style = _PIECE if end - start > 1 else ""
    word = Text()
    for place, piece in enumerate(_pieces(row, ids)):
        if place:
            word.append(PIECE, style)
        label = NOT_PREDICTED if row.mlm_labels is None else row.mlm_labels[start + place]
        if label == NOT_PREDICTED:
            word.append(piece, style)
        else:
            word.append(f"{piece}({_text(row, [label]).strip()})", _MASKED)
    return word


def _pieces(row: Row, ids: Sequence[int]) -> Iterator[str]:
    """Yield the text of each token of a word, as it stands inside the word."""
    before = ""
    for end in range(1, len(ids) + 1):
        text = _text(row, ids[:end])
        if end == 1:
            yield text.strip() or text
        elif text.startswith(before):
            yield text[len(before) :]
        else:  # Bytes that are no character yet, or a mask inside the word.
            yield _text(row, ids[end - 1 : end]).strip()
        before = text


def _text(row: Row, ids: Sequence[int]) -> str:
    return escape_controls(row.encoder.text_of(ids))


def _token(row: Row, token_id: int) -> str:
    return escape_controls(row.encoder.id_to_token(token_id) or "?")
