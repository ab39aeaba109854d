"""What is written into a file in any way that is read comes back, or one line says why not.

Formats, line ends, byte order marks, encodings, compressions, archives, sizes of splits and the
ways to divide, quote and escape fields are drawn together: each is tested by itself elsewhere.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import make_plan
from tests.transforms.functional.readers.files import (
    COMPRESS,
    ENDINGS,
    arrow_file,
    arrow_stream,
    parquet_file,
)
from transforms.functional.errors import ReviewShardsError
from transforms.functional.readers.dialect import character_of
from transforms.reading import read_split

# What readers of lines, of JSON and of CSV may stumble over.
_BITS = (
    "film", "été", "🎬", "\u0085", "\u2028", "\x0b", "\x1c", "\ufeff", "<br />", '"', "'", "\\",
    ",", ";", "\t", "|", "#", " ", "  ", "[", "]", "{", "}", "null", "NaN", "x" * 400, "\u200b",
    "�",
)  # fmt: skip
_LINE_ENDS = ("\n", "\r\n", "\r")
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1")
_WITH_LINES = ("jsonl", "json", "csv", "tsv", "parquet", "arrow", "stream")
_BINARY = ("parquet", "arrow", "stream")


class _Fields(NamedTuple):
    """How fields are divided, quoted and escaped, as the options say it."""

    delimiter: str = "auto"
    quoting: Literal["minimal", "none"] = "minimal"
    escape: str = "none"


_DIVIDERS = ("auto", ",", ";", "|", "tab", "#", "a")


def _fields(draw: random.Random, file_format: str) -> _Fields:
    if file_format not in ("csv", "tsv"):
        return _Fields()
    divider = draw.choice(_DIVIDERS)
    escape = draw.choice(("none", "\\", "\\", "^"))
    # Without quotes a text holds no line end, and a divider only behind an escape.
    quoting: Literal["minimal", "none"] = draw.choice(("minimal", "none"))
    return _Fields(divider, "minimal" if escape == "none" else quoting, escape)


def _text(draw: random.Random, bits: Sequence[str]) -> str:
    # Readers of lines take no blanks away, but a text of nothing else is none.
    return "a film" + "".join(draw.choices(bits, k=draw.randrange(8))) + "end"


def _texts(draw: random.Random, file_format: str, fields: _Fields | None) -> list[str]:
    holds_lines = file_format in _WITH_LINES and (fields is None or fields.quoting == "minimal")
    bits = _BITS + (_LINE_ENDS if holds_lines else ())
    return [_text(draw, bits) for _ in range(draw.choice((1, 2, 30)))]


def _delimited(texts: Sequence[str], end: str, fields: _Fields, delimiter: str) -> str:
    """Write fields as Python's csv does; with an escape, quotes are escaped and not doubled."""
    out = io.StringIO()
    escapes = fields.escape != "none"
    writer = csv.writer(
        out,
        delimiter=delimiter if fields.delimiter == "auto" else character_of(fields.delimiter),
        lineterminator=end,
        quoting=csv.QUOTE_NONE if fields.quoting == "none" else csv.QUOTE_NONNUMERIC,
        doublequote=not escapes,
        escapechar=fields.escape if escapes else None,
    )
    writer.writerows([["number", "text"], *enumerate(texts)])
    return out.getvalue()


def _jsonl(texts: Sequence[str], end: str, draw: random.Random) -> str:
    is_ascii = draw.random() < 0.5
    rows = [{"number": n, "text": text} for n, text in enumerate(texts)]
    return end.join(json.dumps(row, ensure_ascii=is_ascii) for row in rows) + end


def _json(texts: Sequence[str], draw: random.Random) -> str:
    rows = [{"number": n, "text": text} for n, text in enumerate(texts)]
    return json.dumps(rows, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))


def _table(texts: Sequence[str], draw: random.Random) -> pa.Table:
    kind = draw.choice((pa.string(), pa.large_string(), pa.string_view()))
    return pa.table({"number": range(len(texts)), "text": pa.array(texts, kind)})


_WRITE: dict[str, Callable[[list[str], str, random.Random, _Fields], str | bytes]] = {
    "text": lambda texts, end, _, __: end.join([*texts, ""]),
    "jsonl": lambda texts, end, draw, _: _jsonl(texts, end, draw),
    "json": lambda texts, _, draw, __: _json(texts, draw),
    "csv": lambda texts, end, _, fields: _delimited(texts, end, fields, ","),
    "tsv": lambda texts, end, _, fields: _delimited(texts, end, fields, "\t"),
    "parquet": lambda texts, _, draw, __: parquet_file(_table(texts, draw), row_group_size=7),
    "arrow": lambda texts, _, draw, __: arrow_file(_table(texts, draw), 7),
    "stream": lambda texts, _, draw, __: arrow_stream(_table(texts, draw), 7),
}
_NAMES = {"text": "a.txt", "stream": "a.arrow"}


def _archived(kind: str, name: str, data: bytes) -> tuple[str, bytes]:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"in/{name}", data)
        return "a.zip", out.getvalue()
    with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w") as tar:
        member = tarfile.TarInfo(f"in/{name}")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return f"a.{kind}", out.getvalue()


def _written(
    folder: Path, file_format: str, texts: list[str], draw: random.Random, fields: _Fields | None
) -> str:
    """Write a file in one of many ways, and return which way it was."""
    is_plain = fields is None
    end = "\n" if is_plain else draw.choice(_LINE_ENDS[:2])
    encoding = "utf-8" if is_plain else draw.choice(_ENCODINGS)
    made = _WRITE[file_format](texts, end, draw, fields or _Fields())
    is_cut = not is_plain and file_format in ("text", "jsonl") and draw.random() < 0.3
    if isinstance(made, str):
        made = (made.removesuffix(end) if is_cut else made).encode(encoding, errors="replace")
    name = _NAMES.get(file_format, f"a.{file_format}")
    compression = draw.choice((None, *COMPRESS))
    if compression is not None:
        name, made = name + ENDINGS[compression], COMPRESS[compression](made)
    container = draw.choice((None, None, "zip", "tar", "tar.gz"))
    if container is not None:
        name, made = _archived(container, name, made)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(made)
    return f"{name} {encoding} {end!r} cut={is_cut} {fields}"


def _read(folder: Path, draw: random.Random, fields: _Fields | None) -> tuple[list[str], int]:
    """Return the texts that a job reads in a folder, and how many records it rejects."""
    config = JobConfig(
        input=(str(folder),),
        output=f"{folder}_out",
        tokenizer="t",
        task="mlm",
        **(fields or _Fields())._asdict(),
    )
    # Less than the option may be: small files are cut, too.
    object.__setattr__(config, "part_bytes", draw.choice((40, 700, 1 << 20)))
    plan = make_plan(config)
    parts = [
        part
        for split in plan.splits
        for part in read_split(
            split, columns=plan.labels.columns, sample_by="line", part_bytes=config.part_bytes
        )
    ]
    texts = [text for part in parts for text in part.reviews.column("text").to_pylist()]
    return texts, sum(len(part.rejected) for part in parts)


def _cases(seeds: range) -> Iterator[tuple[str, int]]:
    return itertools.product(_WRITE, seeds)


def _check(folder: Path, seeds: range) -> int:
    """Check one file for each format and seed, and return how many were read whole."""
    n_read = 0
    for file_format, seed in _cases(seeds):
        draw = random.Random(f"{file_format} {seed}")
        is_plain = seed % 2 == 0
        fields = None if is_plain else _fields(draw, file_format)
        texts = _texts(draw, file_format, fields)
        below = folder / file_format / str(seed)
        way = f"{file_format} {seed}: {_written(below, file_format, texts, draw, fields)}"
        try:
            found, n_rejected = _read(below, draw, fields)
        except ReviewShardsError as error:
            assert not is_plain, f"{way}: {error}"
            assert "\n" not in str(error), way
            continue
        if is_plain or (n_rejected == 0 and "latin-1" not in way):
            assert found == texts, way
            assert n_rejected == 0, way
            n_read += 1
        else:
            # Of an encoding that is not read, some lines pass: the others are all accounted for.
            assert len(found) + n_rejected == len(texts), way
    return n_read


def test_some_files_in_every_format_come_back(tmp_path: Path) -> None:
    assert _check(tmp_path, range(12)) >= 6 * len(_WRITE)


@pytest.mark.slow
def test_files_in_every_way_come_back(tmp_path: Path) -> None:
    assert _check(tmp_path, range(12, 140)) >= 64 * len(_WRITE)
