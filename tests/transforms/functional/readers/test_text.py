import io

from tests.transforms.functional.readers.seen import file_of, labelled, read, rejected, reviews
from transforms.functional.readers.file_range import FileRange
from transforms.functional.readers.lines import BLOCK_BYTES
from transforms.functional.readers.text import read_lines, read_whole_files


def _file(source: int, label: int | None = None) -> FileRange:
    return FileRange(source=source, path=f"{source}.txt", format="text", label=label)


def test_a_line_is_a_review_even_an_empty_one():
    assert reviews(read(b"one\n\ntwo\n", "text")) == [(0, "one"), (4, ""), (5, "two")]


def test_the_last_line_needs_no_end():
    assert reviews(read(b"one\ntwo", "text")) == [(0, "one"), (4, "two")]


def test_crlf_and_a_byte_order_mark_are_no_text():
    assert reviews(read(b"\xef\xbb\xbfone\r\ntwo\r\n", "text")) == [(0, "one"), (8, "two")]


def test_a_byte_order_mark_elsewhere_is_text():
    assert reviews(read("one\n\ufefftwo\n".encode(), "text")) == [(0, "one"), (4, "\ufefftwo")]


def test_control_characters_end_no_line():
    text = "a\u0085b\u2028c\u2029d\x0be\x0cf\x1cg\x00h"
    assert reviews(read(f"{text}\n".encode(), "text")) == [(0, text)]


def test_an_empty_file_has_no_lines():
    assert reviews(read(b"", "text")) == []


def test_invalid_utf8_is_rejected_with_its_bytes_and_the_rest_is_read():
    chunks = read(b"good\nbad \xff\xfe\nfine\n", "text")
    assert reviews(chunks) == [(0, "good"), (12, "fine")]
    assert rejected(chunks) == [
        (5, "not UTF-8: byte 0xff at byte 4 (invalid start byte)", b"bad \xff\xfe")
    ]


def test_surrogates_in_utf8_are_not_utf8():
    assert [raw for _, _, raw in rejected(read(b"\xed\xa0\x80\n", "text"))] == [b"\xed\xa0\x80"]


def test_a_line_longer_than_a_block_is_one_review():
    long = b"x" * (2 * BLOCK_BYTES + 17)
    chunks = list(read_lines(io.BytesIO(b"a\n" + long + b"\nb"), file_of("text")))
    assert [(record, len(text)) for record, text in reviews(chunks)] == [
        (0, 1),
        (2, len(long)),
        (len(long) + 3, 1),
    ]


def test_whole_files_are_one_review_each_even_empty_and_keep_their_newlines():
    files = [(_file(3), b"one\ntwo\r\n"), (_file(4), b""), (_file(5), b"\xef\xbb\xbfthree")]
    chunks = list(read_whole_files(files, "document"))
    rows = [row for chunk in chunks for row in chunk.reviews.to_pylist()]
    assert [(row["source"], row["record"], row["text"]) for row in rows] == [
        (3, 0, "one\ntwo\r\n"),
        (4, 0, ""),
        (5, 0, "three"),
    ]


def test_whole_files_carry_the_label_of_their_folder():
    files = [(_file(0, 1), b"good"), (_file(1, 0), b"bad"), (_file(2, -1), b"unsaid")]
    assert labelled(read_whole_files(files, "document")) == [
        ("good", 1),
        ("bad", 0),
        ("unsaid", -1),
    ]


def test_small_files_read_together_give_the_lines_that_they_give_alone():
    contents = [b"a\r\nb", b"", b"\n\n", b"\xef\xbb\xbfc\n\xff\n", b"\r\n", "\ufeff".encode()]
    together = list(read_whole_files([(_file(i), data) for i, data in enumerate(contents)], "line"))
    rows = [row for chunk in together for row in chunk.reviews.to_pylist()]
    alone = [
        row
        for source, data in enumerate(contents)
        for chunk in read_lines(io.BytesIO(data), file_of("text", source=source))
        for row in chunk.reviews.to_pylist()
    ]
    assert rows == alone
    assert len(rows) == 7
    assert [(item.source, item.record) for c in together for item in c.rejected] == [(3, 5)]
