"""The columns that a file has, in each format."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.formats import FileFormat
from transforms.functional.readers.read_file import column_names


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"], "stars": [1]}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("file_format", "data", "names"),
    [
        ("parquet", parquet(), ["text", "stars"]),
        ("csv", b"text,stars\na,1\n", ["text", "stars"]),
        ("csv", b"", None),
        ("jsonl", b'{"text": "a", "stars": 1}\n{"text": "b"}\n', ["text", "stars"]),
        ("jsonl", b"", None),
        ("json", b'[{"text": "a", "stars": 1}]', ["text", "stars"]),
        ("text", b"a\n", []),
    ],
)
def test_columns_are_those_of_the_schema_the_header_or_the_first_record(
    file_format: FileFormat, data: bytes, names: list[str] | None
) -> None:
    file = FileRange(source=0, path="in", format=file_format)
    assert column_names(io.BytesIO(data), file) == names
