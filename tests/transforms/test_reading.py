"""Splits of real files become parts of reviews."""

import gzip
import json
import tracemalloc
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from tests.transforms.functional.readers.files import arrow_file, parquet_file
from transforms.functional.errors import InputError
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import format_of
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.splits import Split
from transforms.functional.unpacking.compression import compression_of
from transforms.reading import ReadReviews, read_split

_TEXT = ReviewColumns(text="text")


def _file(path: Path, source: int = 0, **options: object) -> FileRange:
    return FileRange(
        source=source,
        path=str(path),
        format=format_of(path.name),
        compression=compression_of(path.name),
        **options,
    )


def _read(*files: FileRange, sample_by="line", part_bytes: int = 1 << 20) -> list[Part]:
    split = Split(number=5, files=files)
    return list(read_split(split, columns=_TEXT, sample_by=sample_by, part_bytes=part_bytes))


def _texts(parts: list[Part]) -> list[tuple[int, str]]:
    return [(row["source"], row["text"]) for part in parts for row in part.reviews.to_pylist()]


def test_files_of_a_split_follow_each_other_whatever_their_format(tmp_path):
    contents = {
        "a.txt": b"a\n",
        "b.jsonl.gz": gzip.compress(b'{"text": "b"}\n'),
        "c.csv": b"text\nc\n",
        "d.parquet": parquet_file(pa.table({"text": ["d"]})),
        "e.arrow": arrow_file(pa.table({"text": ["e"]})),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    files = [_file(tmp_path / name, source) for source, name in enumerate(contents)]
    assert _texts(_read(*files)) == [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e")]


@pytest.mark.parametrize("sample_by", ["line", "document"])
def test_small_text_files_give_the_same_compressed_or_not(tmp_path, sample_by):
    for i in range(3):
        (tmp_path / f"{i}.txt").write_bytes(b"one\ntwo %d" % i)
        (tmp_path / f"{i}.txt.gz").write_bytes(gzip.compress(b"one\ntwo %d" % i))
    plain = _read(*(_file(tmp_path / f"{i}.txt", i) for i in range(3)), sample_by=sample_by)
    packed = _read(*(_file(tmp_path / f"{i}.txt.gz", i) for i in range(3)), sample_by=sample_by)
    assert _texts(plain) == _texts(packed)
    assert len(_texts(plain)) == {"line": 6, "document": 3}[sample_by]


def test_rejected_records_carry_path_place_reason_and_bytes(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"good\nb\xffd\n")
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "x"}\n{broken\n')
    parts = _read(_file(tmp_path / "a.txt", 0), _file(tmp_path / "b.jsonl", 1))
    found = [
        (item.path, item.source, item.record, item.reason.split(":")[0], item.raw)
        for part in parts
        for item in part.rejected
    ]
    assert found == [
        (str(tmp_path / "a.txt"), 0, 5, "not UTF-8", b"b\xffd"),
        (str(tmp_path / "b.jsonl"), 1, 14, "not JSON", b"{broken"),
    ]


@pytest.mark.parametrize("n_files", [1, 2])
def test_a_file_that_vanished_since_planning_is_named(tmp_path, n_files):
    files = []
    for i in range(n_files):
        (tmp_path / f"{i}.txt").write_text("a\n")
        files.append(_file(tmp_path / f"{i}.txt", i))
    (tmp_path / f"{n_files - 1}.txt").unlink()
    with pytest.raises(
        InputError, match=rf"{n_files - 1}\.txt: vanished since the job was planned"
    ):
        _read(*files)


@pytest.mark.parametrize("now", [b"", b"one\n", b"one\ntwo\nthree\n"])
def test_a_file_that_changed_its_size_since_planning_is_named(tmp_path, now):
    """Else a range that lies behind the new end would be read as no reviews, in silence."""
    path = tmp_path / "a.txt"
    path.write_bytes(now)
    with pytest.raises(InputError, match=r"a\.txt: has \d+ bytes, but had 8 when the job was plan"):
        _read(_file(path, start=4, end=8, bytes=8))


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "a.parquet").mkdir()
    with pytest.raises(InputError, match=r"a\.parquet: cannot be read: Is a directory"):
        _read(_file(tmp_path / "a.parquet"))


def test_a_name_with_colons_is_a_name(tmp_path):
    """fsspec takes `::` for one URL inside another."""
    (tmp_path / "a::b.txt").write_text("a\n")
    assert _texts(_read(_file(tmp_path / "a::b.txt"))) == [(0, "a")]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_damaged_small_file_among_others_is_named(tmp_path, name):
    data = (
        gzip.compress(b"one\n" * 100)[:-9] if name.endswith("gz") else "\ufeffa\n".encode("utf-16")
    )
    (tmp_path / name).write_bytes(data)
    (tmp_path / "b.txt").write_text("fine\n")
    for sample_by in ("line", "document") if name.endswith("gz") else ("line",):
        with pytest.raises(InputError, match=rf"{name}: "):
            _read(_file(tmp_path / name), _file(tmp_path / "b.txt", 1), sample_by=sample_by)


def test_the_transform_reads_splits_and_takes_the_label_mapping_from_the_side(tmp_path):
    rows = [{"text": name, "label": name} for name in ("pos", "neg", "other")]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    split = Split(number=0, files=(_file(tmp_path / "a.jsonl"),))

    def seen(part: Part) -> tuple:
        rows = part.reviews.to_pylist()
        return (
            str(part.key),
            [(row["text"], row["label"]) for row in rows],
            [item.reason for item in part.rejected],
        )

    with beam.Pipeline("FnApiRunner") as pipeline:
        numbers = pipeline | "Numbers" >> beam.Create([{"neg": 0, "pos": 1}])
        columns = ReviewColumns(text="text", label="label")
        parts = (
            pipeline
            | beam.Create([split])
            | ReadReviews(columns, part_bytes=3, label_numbers=numbers)
            | beam.Map(seen)
        )
        reason = "label 'other' is not one of the labels (neg, pos)"
        assert_that(
            parts,
            equal_to(
                [
                    ("0000000-0000", [("pos", 1)], []),
                    ("0000000-0001", [("neg", 0)], []),
                    ("0000000-0002", [], [reason]),
                ]
            ),
        )


def _write_huge(path: Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(3):
            file.write(b'{"text": "short"}\n')
            file.write(b'{"text": "')
            for _ in range(n_bytes >> 20):
                file.write(b"huge " * ((1 << 20) // 5) + b".")
            file.write(b'"}\n')


@pytest.mark.slow
def test_texts_of_100_megabytes_are_rejected_one_at_a_time(tmp_path):
    n_bytes = 100 << 20
    _write_huge(tmp_path / "a.jsonl", n_bytes)
    split = Split(number=0, files=(_file(tmp_path / "a.jsonl"),))
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    sizes, reasons, arrow_bytes = [], [], 0
    for part in read_split(split, columns=_TEXT, sample_by="line", part_bytes=32 << 20):
        sizes.append(part.reviews.num_rows)
        reasons += [(item.record, item.reason, len(item.raw)) for item in part.rejected]
        arrow_bytes = max(arrow_bytes, pa.total_allocated_bytes() - before)
    _, python_bytes = tracemalloc.get_traced_memory()[0], tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == 3
    records, texts, lengths = zip(*reasons, strict=True)
    assert records[0] == len(b'{"text": "short"}\n')
    assert all("longer than 16,777,216 bytes" in text for text in texts)
    # Each whole line is kept.
    assert len(lengths) == 3
    assert all(n_bytes < length < n_bytes + 100 for length in lengths)
    assert arrow_bytes < 3.5 * n_bytes
    assert python_bytes < 7 * n_bytes
