import pytest

from transforms.functional.errors import UsageError
from transforms.functional.readers.formats import format_of
from transforms.functional.unpacking.compression import compression_of


@pytest.mark.parametrize(
    ("path", "file_format", "compression"),
    [
        ("reviews.txt", "text", None),
        ("reviews.TXT", "text", None),
        ("reviews.jsonl.gz", "jsonl", "gzip"),
        ("reviews.json", "json", None),
        ("reviews.ndjson.zst", "jsonl", "zstd"),
        ("reviews.csv.bz2", "csv", "bz2"),
        ("reviews.tsv.xz", "tsv", "xz"),
        ("reviews.parquet", "parquet", None),
        ("reviews.arrow.ZSTD", "arrow", "zstd"),
        ("s3://bucket/a.b/reviews.feather", "arrow", None),
    ],
)
def test_a_path_ending_tells_format_and_compression(path, file_format, compression):
    assert format_of(path) == file_format
    assert compression_of(path) == compression


@pytest.mark.parametrize("path", ["README", "reviews", "reviews.gz", "vocab.vocab", ".txt/reviews"])
def test_an_ending_that_says_nothing_is_an_error_that_names_the_cure(path):
    with pytest.raises(UsageError, match=r"cannot tell the format of .*--input_format"):
        format_of(path)


def test_the_option_wins_over_the_ending_but_compression_stays_with_the_ending():
    assert format_of("reviews.log.gz", "jsonl") == "jsonl"
    assert format_of("reviews.txt", "csv") == "csv"
