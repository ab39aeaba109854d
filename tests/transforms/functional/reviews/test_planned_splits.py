from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.planned_splits import dump_splits, load_splits
from transforms.functional.reviews.splits import Split

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
