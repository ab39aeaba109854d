"""Ranges of lines: every line exactly once, whatever the ranges and however it is read."""

import io

import pytest
from hypothesis import given, strategies as st

from tests.transforms.functional.readers.seen import TEXT, file_of, rejected, reviews
from transforms.functional.errors import InputError
from transforms.functional.readers.jsonl import read_jsonl
from transforms.functional.readers.lines import check_not_utf16, line_blocks, line_bounds
from transforms.functional.readers.text import read_lines, read_whole_files

# Line ends, parts of line ends, and what others take for line ends.
_PIECES = [b"\n", b"\r\n", b"\r", b"a", b"bcd", b"", "\u0085".encode(), "\u2028".encode(), b"\x0c"]
_files = st.lists(st.sampled_from(_PIECES), max_size=30).map(b"".join)


def _plain_lines(data: bytes) -> list[tuple[int, bytes]]:
    """Return `(offset, line)` the slow and obvious way."""
    found, offset = [], 0
    for line in data.split(b"\n"):
        whole = line.removesuffix(b"\r")
        found.append((offset, whole))
        offset += len(line) + 1
    # What follows the last line end is a line only where there is something.
    return found[:-1] if data.endswith(b"\n") or not data else found


def _cuts(draw_from: int, cuts: list[int]) -> list[tuple[int, int | None]]:
    edges = sorted({0, *(cut % (draw_from + 1) for cut in cuts)})
    return list(zip(edges, [*edges[1:], None], strict=True))


@given(data=_files, cuts=st.lists(st.integers(0, 200), max_size=6), block_bytes=st.integers(1, 9))
def test_ranges_give_every_line_once_with_its_offset(data, cuts, block_bytes):
    found = []
    for start, end in _cuts(len(data), cuts):
        for offset, block in line_blocks(io.BytesIO(data), start, end, block_bytes):
            assert data[offset : offset + len(block)] == block
            starts, ends = line_bounds(block)
            found += [
                (offset + first, block[first:last])
                for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
            ]
    assert found == _plain_lines(data)


@given(data=_files, cuts=st.lists(st.integers(0, 200), max_size=6))
def test_text_ranges_give_every_line_once(data, cuts):
    chunks = [
        chunk
        for start, end in _cuts(len(data), cuts)
        for chunk in read_lines(io.BytesIO(data), file_of("text", start, end))
    ]
    assert reviews(chunks) == [(offset, line.decode()) for offset, line in _plain_lines(data)]
    assert rejected(chunks) == []


@given(
    lines=st.lists(
        st.sampled_from(
            [
                '{"text": "a"}\n',
                '{"text": ""}\r\n',
                "\n",
                " \r\n",
                "{broken\n",
                '{"text": "\x85é"}\n',
            ]
        ),
        max_size=20,
    ),
    width=st.integers(1, 40),
)
def test_jsonl_ranges_of_any_width_give_every_record_once(lines, width):
    data = "".join(lines).encode()
    whole = list(read_jsonl(io.BytesIO(data), file_of("jsonl"), TEXT))
    ranges = [(start, min(start + width, len(data))) for start in range(0, len(data), width)]
    parts = [
        chunk
        for start, end in ranges
        for chunk in read_jsonl(io.BytesIO(data), file_of("jsonl", start, end), TEXT)
    ]
    assert reviews(parts) == reviews(whole)
    assert rejected(parts) == rejected(whole)
    n_records = sum(bool(line.strip()) for line in lines)
    assert len(reviews(whole)) + len(rejected(whole)) == n_records


def test_a_line_longer_than_its_range_belongs_to_the_range_it_begins_in():
    data = b"ab\n" + b"x" * 100 + b"\ncd\n"
    assert [
        list(line_blocks(io.BytesIO(data), *edges)) for edges in [(0, 10), (10, 90), (90, 107)]
    ] == [
        [(0, data[:104])],
        [],
        [(104, b"cd\n")],
    ]


def test_line_bounds_leave_out_one_carriage_return():
    assert [bounds.tolist() for bounds in line_bounds(b"a\r\n\r\r\n\nb")] == [
        [0, 3, 6, 7],
        [1, 4, 6, 8],
    ]


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["good\nbad\n", "Хороший фильм!\n", "Καλή ταινία\n"])
def test_utf16_text_is_an_error_and_no_text_full_of_nuls(encoding, mark, text):
    data = f"{mark}{text}".encode(encoding)
    with pytest.raises(InputError, match="is UTF-16"):
        list(read_lines(io.BytesIO(data), file_of("text")))
    file = file_of("text", path="in/a.txt")
    for sample_by in ("line", "document"):
        with pytest.raises(InputError, match=r"in/a\.txt: is UTF-16"):
            list(read_whole_files([(file, data)], sample_by))


@pytest.mark.parametrize(
    "data", [b"", b"a", b"\0\0", b"\0" * 5000, b"a\0b and more of it\0", "été\0".encode()]
)
def test_a_few_nuls_are_no_utf16(data):
    check_not_utf16(data)
