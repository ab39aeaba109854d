import csv
import io
import re
import sys
from unittest import mock

import pytest
from hypothesis import assume, given, strategies as st

from tests.transforms.functional.readers.seen import (
    LABELLED,
    NAMED,
    TEXT,
    file_of,
    labelled,
    read,
    rejected,
    reviews,
)
from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers import lines
from transforms.functional.readers.delimited import read_delimited
from transforms.functional.readers.dialect import character_of
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.read_file import read_file
from transforms.functional.reviews.reviews import cut_parts


def test_rows_are_numbered_without_the_header():
    assert reviews(read(b"id,text\n7,one\n8,two\n", "csv")) == [(0, "one"), (1, "two")]


def test_quoted_fields_hold_newlines_delimiters_and_doubled_quotes():
    data = b'text,n\n"one\r\ntwo, ""three""\n",1\nfour,2\n'
    assert reviews(read(data, "csv")) == [(0, 'one\r\ntwo, "three"\n'), (1, "four")]


def test_tabs_delimit_tsv_and_commas_do_not():
    data = b'text\tn\na, b\t1\n"c\td"\t2\n'
    assert reviews(read(data, "tsv")) == [(0, "a, b"), (1, "c\td")]


def test_what_python_writes_is_what_is_read():
    texts = [
        "",
        " ",
        '"',
        '""',
        "a\nb",
        "\r\n",
        "\r",
        ",",
        "\t",
        "\u0085\u2028",
        "é🎬",
        "a\\b",
        "'",
    ]
    for file_format, delimiter in (("csv", ","), ("tsv", "\t")):
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter).writerows([["text"], *([text] for text in texts)])
        assert reviews(read(out.getvalue().encode(), file_format)) == list(enumerate(texts))


def test_crlf_byte_order_mark_and_missing_last_newline():
    assert reviews(read(b"\xef\xbb\xbftext,n\r\none,1\r\ntwo,2", "csv")) == [(0, "one"), (1, "two")]


def test_blank_lines_are_no_rows_but_quoted_empty_texts_are():
    assert reviews(read(b'text\n\na\n\n""\n\nb\n', "csv")) == [(0, "a"), (1, ""), (2, "b")]


def test_control_characters_end_no_row():
    text = "a\u0085b\u2028c\x0bd\x0ce\x1cf"
    assert reviews(read(f"text\n{text}\n".encode(), "csv")) == [(0, text)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="csv of Python 3.10 refuses NUL")
def test_nul_is_a_character_like_others():
    assert reviews(read(b"text,n\na\x00b,1\n", "csv")) == [(0, "a\x00b")]


def test_a_field_of_five_megabytes():
    long = "word, " * (5 << 18)
    data = f'text,n\n"{long}",1\nshort,2\n'.encode()
    assert [(record, len(text)) for record, text in reviews(read(data, "csv"))] == [
        (0, len(long)),
        (1, 5),
    ]


def test_chunks_are_cut_by_bytes_too():
    """4,096 rows of a megabyte would not fit into memory."""
    data = b"text\n" + (b"x" * (1 << 20) + b"\n") * 12
    sizes = [
        chunk.reviews.num_rows for chunk in read_delimited(io.BytesIO(data), file_of("csv"), TEXT)
    ]
    assert sizes == [4, 4, 4, 0]


def test_ragged_rows_are_rejected_with_the_lines_as_they_stand():
    data = b'text,n\nfine,1\nshort\n"too\nlong",2,3\r\nfine,4\n'
    chunks = read(data, "csv")
    assert reviews(chunks) == [(0, "fine"), (3, "fine")]
    assert rejected(chunks) == [
        (1, "1 fields, but the header has 2", b"short\n"),
        (2, "3 fields, but the header has 2", b'"too\nlong",2,3\r\n'),
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b'text,n\na,1\n"never closed,2\nb,3\n', 3), (b'text,n\n"a\nb" c,1\n', 2)],
)
def test_a_quote_that_goes_wrong_stops_with_the_line_where_the_row_begins(data, line):
    with pytest.raises(InputError, match=rf"in/reviews: not readable .* from line {line} on: "):
        read(data, "csv")


def test_invalid_utf8_is_rejected_with_its_bytes():
    chunks = read(b"text,n\na,1\nb\xff,2\nc,3\n", "csv")
    assert reviews(chunks) == [(0, "a"), (2, "c")]
    assert rejected(chunks) == [
        (1, "not UTF-8: byte 0xff at byte 1 (invalid start byte)", b"b\xff,2\n")
    ]


def test_labels_are_integers_or_names_and_empty_ones_are_missing():
    data = b"text,label\na,1\nb,0\nc,\nd,pos\n"
    chunks = read(data, "csv", LABELLED)
    assert labelled(chunks) == [("a", 1), ("b", 0)]
    assert [(record, reason) for record, reason, _ in rejected(chunks)] == [
        (2, "label is empty"),
        (3, "label 'pos' is not a 64-bit integer"),
    ]
    assert labelled(read(b"label,text\npos,a\nneg,b\n", "csv", NAMED)) == [("a", 1), ("b", 0)]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"sep=;\n"])
def test_a_file_without_a_row_holds_no_records(data):
    assert reviews(read(data, "csv")) == []


@pytest.mark.parametrize("data", [b"body,n\na,1\n", b"sep=;\nbody;text,n\n"])
def test_a_header_without_the_column_is_an_error(data):
    with pytest.raises(MissingColumnError, match="in/reviews: no column 'text'"):
        read(data, "csv")


def test_a_column_that_is_there_twice_is_an_error():
    with pytest.raises(MissingColumnError, match="2 columns are called 'text'"):
        read(b"text,text\na,b\n", "csv")


@pytest.mark.parametrize("closed_before", [False, True])
def test_a_reader_that_is_left_early_leaves_the_stream_as_it_is(closed_before):
    stream = io.BytesIO(b"text\n" + b"a\n" * 10_000)
    chunks = read_delimited(stream, file_of("csv"), TEXT)
    assert next(chunks).reviews.num_rows == 4096
    if closed_before:
        stream.close()
    chunks.close()
    assert stream.closed is closed_before


def test_a_header_alone_has_no_reviews():
    assert reviews(read(b"text,n\n", "csv")) == []


@pytest.mark.parametrize(
    ("data", "cure"),
    [
        (b"text;label\na;1\n", "--delimiter ';'"),
        (b"label\ttext\n1\ta\n", "--delimiter tab"),
        (b"label|text|n\n", "--delimiter '|'"),
    ],
)
def test_a_header_with_another_delimiter_names_the_option(data, cure):
    with pytest.raises(MissingColumnError, match=rf"no column 'text' .* pass {re.escape(cure)}$"):
        read(data, "csv")


@pytest.mark.parametrize("line", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_a_sep_line_names_the_delimiter_unless_an_option_does(line):
    data = f"{line}text;n\na, b;1\n".encode()
    assert reviews(read(data, "csv")) == [(0, "a, b")]
    assert reviews(read(data, "tsv", delimiter=";")) == [(0, "a, b")]
    with pytest.raises(MissingColumnError, match="no column 'text'"):
        read(data, "csv", delimiter="|")


def test_without_quoting_a_quote_is_a_character():
    data = b'text\tn\n"one\t1\ntwo "\t0\n"three" four\t1\n'
    assert reviews(read(data, "tsv", quoting="none")) == [
        (0, '"one'), (1, 'two "'), (2, '"three" four'),
    ]  # fmt: skip


def test_an_escaped_quote_is_a_character_of_its_field():
    data = rb"""text,n
"He said \"hi\", twice",1
"a ""b"" \\",0
"""
    found = reviews(read(data, "csv", escape="\\"))
    assert found == [(0, 'He said "hi", twice'), (1, 'a "b" \\')]


@pytest.mark.parametrize("line", [b'"He said "hi" to me",1\n', b'"one" two,1\r\n', b'"a""b"c,1\n'])
def test_a_malformed_record_that_ends_in_its_line_is_rejected_and_the_rest_is_read(line):
    chunks = read(b"text,n\na,1\n" + line + b"c,3\n", "csv")
    assert reviews(chunks) == [(0, "a"), (2, "c")]
    assert rejected(chunks) == [(1, "no delimited text: ',' expected after '\"'", line)]


def test_each_of_many_malformed_records_is_rejected_and_every_other_is_read():
    broken = [f'"He said "hi" to {n}",{n}\n'.encode() for n in range(9)]
    whole = [f'"a ""good"" one,\n{n}",{n}\n'.encode() for n in range(9)]
    # Before, between and behind others, several in a row.
    lines = [*broken[:3], *whole[:2], broken[3], *whole[2:], *broken[4:]]
    chunks = read(b"text,n\n" + b"".join(lines), "csv")
    texts = [f'a "good" one,\n{n}' for n in range(9)]
    numbers = [n for n, line in enumerate(lines) if line in whole]
    assert reviews(chunks) == list(zip(numbers, texts, strict=True))
    assert [(n, raw) for n, _, raw in rejected(chunks)] == [
        (n, line) for n, line in enumerate(lines) if line in broken
    ]


def test_a_quote_left_open_says_which_options_may_help():
    with pytest.raises(InputError, match=r"from line 2 on: .*--quoting none .* --escape"):
        read(b'text,n\n"a "b" c,1\nb,2\n', "csv")


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_named(encoding, mark):
    with pytest.raises(InputError, match="in/reviews: is UTF-16, not UTF-8: convert it"):
        read(f"{mark}text,n\na,1\n".encode(encoding), "csv")


_fields = st.lists(
    st.sampled_from(['"', "\\", ",", ";", "\t", "\n", "\r\n", "a", "é", " ", "'", "\u2028"]),
    max_size=6,
).map("".join)


@given(
    rows=st.lists(st.tuples(_fields, _fields), min_size=1),
    delimiter=st.sampled_from([",", ";", "tab", "|"]),
    quoting=st.sampled_from(["minimal", "none"]),
    escape=st.sampled_from(["none", "\\"]),
    doubled=st.booleans(),
    part_bytes=st.integers(1, 40),
    block=st.integers(1, 9),
)
def test_parts_of_every_size_hold_what_pythons_csv_module_reads(
    rows, delimiter, quoting, escape, doubled, part_bytes, block
):
    dialect = {
        "delimiter": character_of(delimiter),
        "quoting": csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL,
        "escapechar": None if escape == "none" else escape,
        "doublequote": doubled,
    }
    out = io.StringIO()
    try:
        csv.writer(out, **dialect).writerows([("text", "n"), *rows])
    except csv.Error:  # Without an escape, not every text can be written.
        assume(False)
    data = out.getvalue()
    _, *written = [row for row in csv.reader(io.StringIO(data, ""), **dialect) if row]
    expected = [(n, row[0]) for n, row in enumerate(written)]
    file = FileRange(
        source=0, path="in", format="csv", delimiter=delimiter, quoting=quoting, escape=escape
    )
    with mock.patch.object(lines, "MAX_ROWS_PER_CHUNK", block):
        parts = list(cut_parts(read_file(io.BytesIO(data.encode()), file, TEXT), 0, part_bytes))
    found = [(row["record"], row["text"]) for part in parts for row in part.reviews.to_pylist()]
    bad = [item.record for part in parts for item in part.rejected]
    # A row of the wrong width is rejected, and keeps its number.
    assert found == [pair for pair in expected if pair[0] not in bad]
    assert len(found) + len(bad) == len(expected)
