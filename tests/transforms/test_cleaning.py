import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from tests.transforms.functional.reviews.test_duplicates import part_of
from transforms.cleaning import CleanReviews, DropRepeated, FindRepeated
from transforms.functional.readers.columns import ReviewColumns
from transforms.functional.readers.file_range import FileRange
from transforms.functional.reviews.cleaning import Cleaning
from transforms.functional.reviews.duplicates import EARLIER, EXCLUDED, DedupSource
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.splits import Split

# In another order than that of their keys.
PARTS = [
    part_of([("one", 1, 0), ("<b>two</b>", 1, 4), ("four", 1, 9)], split=1),
    part_of([("three", 0, 5)], split=0, part=1),
    part_of([("one", 0, 0), ("two", 0, 4)], split=0),
]
STRIP = Cleaning(strip_html=True)


def _seen(part: Part) -> tuple[str, list[str], int, int, int]:
    counts = part.cleaning
    texts = part.reviews.column("text").to_pylist()
    return str(part.key), texts, counts.html_stripped, counts.duplicates, counts.excluded


def _others(pipeline, path, origin):
    split = Split(number=0, files=(FileRange(source=0, path=str(path), format="text"),))
    source = DedupSource(origin=origin, columns=ReviewColumns(text="text"), sample_by="line")
    return source, pipeline | f"Splits{origin}" >> beam.Create([split])


def test_duplicates_and_excluded_reviews_go_after_cleaning(tmp_path):
    (tmp_path / "excluded.txt").write_text("<i>three</i>\nfive\n")
    (tmp_path / "earlier.txt").write_text("four\n")
    with beam.Pipeline("FnApiRunner") as pipeline:
        parts = pipeline | beam.Create(PARTS) | CleanReviews(STRIP)
        repeated = parts | FindRepeated(
            2,
            dedup=True,
            others=[
                _others(pipeline, tmp_path / "excluded.txt", EXCLUDED),
                _others(pipeline, tmp_path / "earlier.txt", EARLIER),
            ],
            cleaning=STRIP,
            part_bytes=100,
        )
        assert_that(
            parts | DropRepeated(repeated, dedup=True) | beam.Map(_seen),
            equal_to(
                [
                    ("0000000-0000", ["one", "two"], 0, 0, 0),
                    ("0000000-0001", [], 0, 0, 1),
                    ("0000001-0000", [], 1, 3, 0),
                ]
            ),
        )


def test_without_other_reviews_duplicates_alone_are_found():
    with beam.Pipeline("FnApiRunner") as pipeline:
        parts = pipeline | beam.Create(PARTS)
        repeated = parts | FindRepeated(2, dedup=True, cleaning=Cleaning(), part_bytes=100)
        kept = parts | DropRepeated(repeated, dedup=True) | beam.Map(lambda part: _seen(part)[1])
        assert_that(kept, equal_to([["one", "two"], ["three"], ["<b>two</b>", "four"]]))
