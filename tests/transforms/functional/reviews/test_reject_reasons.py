from transforms.functional.reviews.bad_files import (
    MAX_REASONS,
    OTHER_REASONS,
    count_reasons,
    merge_reasons,
)


def test_reasons_that_differ_in_values_only_are_one():
    found = count_reasons(
        [
            "label 'x' is no class",
            "label 'it' is no class",
            '3 fields, but the header has "text"',
            '12 fields, but the header has "a"',
            "not UTF-8: byte 0x93 at byte 1,024 (invalid start byte)",
            "not UTF-8: byte 0xff at byte 7 (invalid start byte)",
            "text is null",
        ]
    )
    assert found == {
        "label … is no class": 2,
        "not UTF-8: byte … at byte … (invalid start byte)": 2,
        "… fields, but the header has …": 2,
        "text is null": 1,
    }


def test_there_are_never_more_kinds_than_a_page_shows():
    many = {f"reason {chr(65 + i)}": 100 - i for i in range(30)}
    merged = merge_reasons([many, {"reason A": 1}])
    assert next(iter(merged.items())) == ("reason A", 101)
    assert len(merged) == MAX_REASONS + 1
    assert list(merged)[-1] == OTHER_REASONS
    assert sum(merged.values()) == sum(many.values()) + 1
    assert merge_reasons([merged, {OTHER_REASONS: 5}])[OTHER_REASONS] == merged[OTHER_REASONS] + 5


def test_a_long_reason_is_cut():
    assert [len(reason) for reason in count_reasons(["x" * 1000])] == [120]
