import csv
import io
import sys

import pytest

from tests.transforms.functional.readers.seen import (
    LABELLED,
    NAMED,
    TEXT,
    labelled,
    read,
    rejected,
    reviews,
)
from transforms.functional.errors import InputError, MissingColumnError
from transforms.functional.readers.delimited import read_delimited


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
    sizes = [chunk.reviews.num_rows for chunk in read_delimited(io.BytesIO(data), 0, TEXT, ",")]
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


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"body,n\na,1\n"])
def test_a_header_without_the_column_is_an_error_an_empty_file_too(data):
    with pytest.raises(MissingColumnError, match="in/reviews: no column 'text'"):
        read(data, "csv")


def test_a_column_that_is_there_twice_is_an_error():
    with pytest.raises(MissingColumnError, match="2 columns are called 'text'"):
        read(b"text,text\na,b\n", "csv")


@pytest.mark.parametrize("closed_before", [False, True])
def test_a_reader_that_is_left_early_leaves_the_stream_as_it_is(closed_before):
    stream = io.BytesIO(b"text\n" + b"a\n" * 10_000)
    chunks = read_delimited(stream, 0, TEXT, ",")
    assert next(chunks).reviews.num_rows == 4096
    if closed_before:
        stream.close()
    chunks.close()
    assert stream.closed is closed_before


def test_a_header_alone_has_no_reviews():
    assert reviews(read(b"text,n\n", "csv")) == []
