"""A `.json` file: an array of objects is read as its lines would be, in bounded memory."""

import io
import json

import pytest
from hypothesis import given, strategies as st

from tests.transforms.functional.readers.seen import (
    LABELLED,
    TEXT,
    file_of,
    labelled,
    read,
    rejected,
    reviews,
)
from transforms.functional.errors import InputError
from transforms.functional.readers import json_array
from transforms.functional.readers.json_array import elements, read_json

# What a scanner may take for a mark: quotes, brackets and commas in strings, and escapes.
_texts = st.lists(
    st.sampled_from(['"', "\\", '\\"', "[", "]", "{", "}", ",", "a", "é", "\n", "\u2028", " "]),
    max_size=8,
).map("".join)
_records = st.lists(st.fixed_dictionaries({"text": _texts, "more": st.lists(_texts, max_size=2)}))


@given(
    records=_records,
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    block_bytes=st.integers(1, 30),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf", b"\n \t"]),
)
def test_an_array_gives_what_the_json_library_reads_however_it_is_cut(
    records, indent, ascii_only, block_bytes, mark
):
    data = mark + json.dumps(records, indent=indent, ensure_ascii=ascii_only).encode()
    chunks = list(read_json(io.BytesIO(data), file_of("json"), TEXT, block_bytes))
    assert [text for _, text in reviews(chunks)] == [record["text"] for record in records]
    assert rejected(chunks) == []


def test_a_record_is_named_by_the_byte_at_which_it_begins():
    data = b'\xef\xbb\xbf[\n {"text": "one"},\n {"text": "two"}\n]\n'
    found = reviews(read(data, "json"))
    assert found == [(6, "one"), (24, "two")]
    assert all(data[place:].startswith(b'{"text": "' + text.encode()) for place, text in found)


def test_objects_a_line_are_read_as_before():
    data = b'{"text": "one"}\n\n{broken\n{"text": "two"}\n'
    assert reviews(read(data, "json")) == reviews(read(data, "jsonl")) == [(0, "one"), (25, "two")]
    assert rejected(read(data, "json")) == rejected(read(data, "jsonl"))


@given(width=st.integers(1, 60), array=st.booleans())
def test_ranges_of_any_width_give_every_record_once(width, array):
    records = [{"text": f"review {n}"} for n in range(9)]
    lines = "\n".join(map(json.dumps, records))
    data = (json.dumps(records, indent=1) if array else lines).encode()
    chunks = [
        chunk
        for start in range(0, len(data), width)
        for chunk in read_json(
            io.BytesIO(data), file_of("json", start, min(start + width, len(data))), TEXT
        )
    ]
    assert [text for _, text in reviews(chunks)] == [record["text"] for record in records]


def test_a_broken_element_is_rejected_with_reason_and_bytes_and_the_rest_is_read():
    data = b'[{"text": "a"}, {"text": 5}, {text: "b"}, 7, null, ["c"], {"text": "d"},]'
    chunks = read(data, "json")
    assert [text for _, text in reviews(chunks)] == ["a", "d"]
    assert [(reason.split(":")[0], raw) for _, reason, raw in rejected(chunks)] == [
        ("text is a number, not a string", b'{"text": 5}'),
        ("not JSON", b'{text: "b"}'),
        ("not a JSON object but a number", b"7"),
        ("not a JSON object but null", b"null"),
        ("not a JSON object but an array", b'["c"]'),
    ]


def test_labels_are_read_and_an_empty_array_holds_no_record():
    assert labelled(read(b'[{"text": "a", "label": 1}]', "json", LABELLED)) == [("a", 1)]
    assert reviews(read(b" [ ] ", "json")) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"text": "a"}', "the array is not closed"),
        (b'[{"text": "a}]', "the array is not closed"),
        (b'[{"text": "a"}\n', "the array is not closed"),
        (b'[1]\n{"text": "a"}\n', "ends before byte 4, but more follows"),
        (b"[1]" + b" " * 200_000 + b"x", "ends before byte 200003, but more follows"),
        ("\ufeff[]".encode("utf-16-le"), "is UTF-16"),
    ],
)
def test_a_file_that_is_no_array_to_its_end_stops_with_the_place(data, said):
    with pytest.raises(InputError, match=rf"in/reviews: .*{said}"):
        read(data, "json")


def test_an_element_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(json_array, "MAX_ELEMENT_BYTES", 100)
    stream = io.BytesIO(b'[1, "' + b"x" * 10_000 + b'"]')
    with pytest.raises(InputError, match=r"element at byte 3 .* is a quote or a bracket missing"):
        list(elements(stream, 10))
    assert stream.tell() < 200
