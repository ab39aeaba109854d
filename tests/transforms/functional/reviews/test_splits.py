"""Splits: every byte, row group and file exactly once, in order."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from transforms.functional.readers.file_range import FileRange, Group
from transforms.functional.reviews.splits import (
    MAX_FILES_PER_SPLIT,
    SizedFile,
    Split,
    dump_splits,
    load_splits,
    plan_splits,
)


def _file(source: int, n_bytes: int, file_format: str = "text", **options: object) -> SizedFile:
    groups = options.pop("groups", ())
    whole = options.pop("whole", False)
    file = FileRange(source=source, path=str(source), format=file_format, **options)
    return SizedFile(file=file, bytes=n_bytes, groups=groups, whole=whole)


def _shape(files: list[SizedFile], part_bytes: int) -> list[list[tuple[int, int, int | None]]]:
    """Return `(source, start, end)` of each range of each split."""
    splits = list(plan_splits(files, part_bytes))
    assert [split.number for split in splits] == list(range(len(splits)))
    return [[(file.source, file.start, file.end) for file in split.files] for split in splits]


def test_small_files_share_a_split_in_order():
    files = [_file(0, 40), _file(1, 50), _file(2, 20), _file(3, 0), _file(4, 100)]
    assert _shape(files, 100) == [
        [(0, 0, None), (1, 0, None)],
        [(2, 0, None), (3, 0, None)],
        [(4, 0, None)],
    ]


def test_a_large_text_file_is_cut_into_even_ranges_with_room_for_the_last_line():
    assert _shape([_file(0, 250)], 100) == [[(0, 0, 84)], [(0, 84, 168)], [(0, 168, 250)]]


@pytest.mark.parametrize(
    "options",
    [{"compression": "gzip"}, {"whole": True}, {"file_format": "csv"}, {"file_format": "tsv"}],
)
def test_what_can_only_be_read_from_its_start_is_one_split(options):
    files = [_file(0, 1), _file(1, 1000, **options), _file(2, 1)]
    assert _shape(files, 100) == [[(0, 0, None)], [(1, 0, None)], [(2, 0, None)]]


def test_row_groups_share_a_split_until_it_is_full():
    groups = (Group(3, 60), Group(2, 40), Group(5, 10), Group(1, 500), Group(4, 90))
    files = [_file(0, 200, "parquet", groups=groups)]
    assert _shape(files, 100) == [[(0, 0, 2)], [(0, 2, 3)], [(0, 3, 4)], [(0, 4, 5)]]
    ranges = [split.files[0] for split in plan_splits(files, 100)]
    assert [file.record for file in ranges] == [0, 5, 10, 11]


def test_many_tiny_files_are_bounded_by_their_number():
    files = [_file(source, 1) for source in range(2 * MAX_FILES_PER_SPLIT + 1)]
    sizes = [len(split.files) for split in plan_splits(files, 1 << 25)]
    assert sizes == [MAX_FILES_PER_SPLIT, MAX_FILES_PER_SPLIT, 1]


@given(
    files=st.lists(
        st.tuples(
            st.integers(0, 300),
            st.sampled_from(["text", "jsonl", "csv", "parquet", "arrow"]),
            st.sampled_from([None, "gzip"]),
            st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), max_size=5),
            st.booleans(),
        ),
        max_size=9,
    ),
    part_bytes=st.integers(1, 100),
)
def test_every_byte_and_group_of_every_file_is_read_exactly_once(files, part_bytes):
    sized = [
        _file(
            source,
            n_bytes,
            file_format,
            compression=compression,
            whole=whole and file_format == "text",
            groups=tuple(Group(*group) for group in groups)
            if file_format in ("parquet", "arrow") and compression is None
            else (),
        )
        for source, (n_bytes, file_format, compression, groups, whole) in enumerate(files)
    ]
    ranges = [file for split in plan_splits(sized, part_bytes) for file in split.files]
    assert [file.source for file in ranges] == sorted(file.source for file in ranges)
    for item in sized:
        of_file = [file for file in ranges if file.source == item.file.source]
        size = len(item.groups) if item.groups else item.bytes
        edges = [file.start for file in of_file] + [of_file[-1].end or size]
        assert edges[0] == 0
        assert edges[-1] == size or of_file[-1].end is None
        assert all(file.end == after.start for file, after in itertools.pairwise(of_file))
        if len(of_file) > 1:
            assert edges == sorted(set(edges))
        for file in of_file:
            assert file.record == sum(group.rows for group in item.groups[: file.start])


_numbers = st.integers(0, 2**62)
_files = st.builds(
    FileRange,
    source=_numbers,
    path=st.text(min_size=1),
    format=st.sampled_from(["text", "parquet"]),
    compression=st.none() | st.sampled_from(["gzip", "zstd"]),
    start=_numbers,
    end=st.none() | _numbers,
    record=_numbers,
    bytes=st.none() | _numbers,
    label=st.none() | st.integers(-1, 9),
)


@settings(max_examples=30)
@given(st.lists(st.lists(_files, min_size=1, max_size=3), max_size=4), _numbers)
def test_splits_survive_the_file(files: list[list[FileRange]], first: int) -> None:
    splits = [Split(number=first + i, files=tuple(group)) for i, group in enumerate(files)]

    assert list(load_splits(dump_splits(splits))) == splits
