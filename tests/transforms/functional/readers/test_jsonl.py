import json

import pytest

from tests.transforms.functional.readers.seen import (
    LABELLED,
    NAMED,
    labelled,
    read,
    rejected,
    reviews,
)


def _lines(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_a_review_is_an_object_a_line_named_by_its_byte_offset():
    assert reviews(read(b'{"text": "one"}\n{"n": 1, "text": "two"}\n', "jsonl")) == [
        (0, "one"),
        (16, "two"),
    ]


def test_blank_lines_are_no_records_but_empty_texts_are():
    chunks = read(b'\n  \r\n\t\n{"text": ""}\r\n\n{"text": "b"}', "jsonl")
    assert reviews(chunks) == [(7, ""), (22, "b")]
    assert rejected(chunks) == []


def test_a_byte_order_mark_is_no_part_of_the_first_record():
    assert reviews(read(b'\xef\xbb\xbf{"text": "a"}\n', "jsonl")) == [(0, "a")]


def test_control_characters_end_no_record():
    text = "a\u0085b\u2028c\x7fd"
    line = json.dumps({"text": text}, ensure_ascii=False).encode()
    assert reviews(read(line + b"\n", "jsonl")) == [(0, text)]


def test_escapes_are_read_as_json_says():
    line = rb'{"text": "\u0000 \n \ud83d\ude00 \u2028"}'
    assert reviews(read(line, "jsonl")) == [(0, "\x00 \n \U0001f600 \u2028")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "not JSON: Expecting ',' delimiter: line 1 column 13 (char 12)"),
        (b"plain", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"text": "a"} {"text": "b"}', "not JSON: Extra data: line 1 column 15 (char 14)"),
        (b'["text"]', "not a JSON object but an array"),
        (b"null", "not a JSON object but null"),
        (b"17", "not a JSON object but a number"),
        (b"{}", "no field 'text' (fields: none)"),
        (b'{"Text": "a"}', "no field 'text' (fields: 'Text')"),
        (b'{"text": null}', "text is null"),
        (b'{"text": 5}', "text is a number, not a string"),
        (b'{"text": ["a"]}', "text is an array, not a string"),
        (rb'{"text": "\ud800"}', "text is not Unicode text: surrogates not allowed"),
        (b'{"text": "\xff"}', "not UTF-8: byte 0xff at byte 10 (invalid start byte)"),
        (b'{"text": "a\nb"}', "not JSON"),
    ],
)
def test_a_broken_record_is_rejected_with_reason_and_bytes_and_the_rest_is_read(line, reason):
    chunks = read(b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n', "jsonl")
    assert [text for _, text in reviews(chunks)] == ["before", "after"]
    first = rejected(chunks)[0]
    assert first[0] == 19
    assert first[1].startswith(reason)
    assert first[2] == line.split(b"\n")[0]
    assert sum(len(raw) + 1 for *_, raw in rejected(chunks)) == len(line) + 1


def test_deep_nesting_is_a_broken_record_and_no_crash():
    chunks = read(b"[" * 200_000 + b'\n{"text": "a"}\n', "jsonl")
    assert [text for _, text in reviews(chunks)] == ["a"]
    assert len(rejected(chunks)) == 1


def test_reasons_stay_short_whatever_the_record_holds():
    huge = {f"field {i}": 0 for i in range(1000)}
    chunks = read(_lines(huge, {"text": "a", "label": ["x"] * 1000}), "jsonl", LABELLED)
    assert [len(reason) < 300 for _, reason, _ in rejected(chunks)] == [True, True]


@pytest.mark.parametrize(
    ("label", "number"), [(1, 1), (0, 0), (-1, -1), (True, 1), (False, 0), (2.0, 2), ("7", 7)]
)
def test_labels_that_are_integers_in_any_spelling_keep_their_value(label, number):
    chunks = read(_lines({"text": "a", "label": label}), "jsonl", LABELLED)
    assert labelled(chunks) == [("a", number)]


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (None, "label is null"),
        ("", "label is empty"),
        (1.5, "label 1.5 is no integer and no string"),
        (2**63, "label 9223372036854775808 is no integer and no string"),
        ({"a": 1}, "label {'a': 1} is no integer and no string"),
        ("good", "label 'good' is not a 64-bit integer"),
        ("\ud800", "label '\\ud800' is no integer and no string"),
        (float("nan"), "label nan is no integer and no string"),
    ],
)
def test_a_label_that_is_no_class_is_rejected(label, reason):
    data = _lines({"text": "a", "label": label}, {"text": "b", "label": 1})
    chunks = read(data, "jsonl", LABELLED)
    assert labelled(chunks) == [("b", 1)]
    assert [reason for _, reason, _ in rejected(chunks)] == [reason]


def test_a_missing_label_is_rejected():
    chunks = read(_lines({"text": "a"}), "jsonl", LABELLED)
    assert [reason for _, reason, _ in rejected(chunks)] == ["no field 'label' (fields: 'text')"]


def test_label_names_become_the_numbers_of_the_mapping():
    data = _lines(*({"text": name, "label": name} for name in ["pos", "neg", "maybe", "pos"]))
    chunks = read(data, "jsonl", NAMED)
    assert labelled(chunks) == [("pos", 1), ("neg", 0), ("pos", 1)]
    assert [reason for _, reason, _ in rejected(chunks)] == [
        "label 'maybe' is not one of the labels (neg, pos)"
    ]
