import json

import numpy as np
import pytest

from tests.transforms.functional.figures.test_review_statistics import part_of
from transforms.functional.figures.figures import MAX_BINS, figures_of, length_figures
from transforms.functional.figures.review_statistics import measure


def test_what_a_length_keeps_cuts_and_pads():
    # Reviews of 1, 3, 3 and 6 tokens, and a template of 2: rows of 5 have room for 3.
    counts = np.zeros(10, np.int64)
    counts[[1, 3, 6]] = 1, 2, 1
    assert length_figures(counts, 13, 5, 2) == {
        "max_length": 5,
        "reviews_longer": 1,
        "tokens_lost": 3,
        "padding_share": 1 - (10 + 4 * 2) / 20,
    }
    assert length_figures(counts, 13, 8, 2)["tokens_lost"] == 0


def test_tokens_beyond_the_counted_lengths_are_lost_too():
    counts = np.zeros(5, np.int64)
    counts[4] = 1  # One review of 100 tokens.
    assert length_figures(counts, 100, 3, 0)["tokens_lost"] == 97


def test_the_figures_of_a_few_reviews():
    part = part_of([[1, 2, 2], [3], [2] * 10], ["a", "b", "a"], labels=[1, 1, 0])
    figures = figures_of(
        measure(part, vocab_size=5, unknown_id=3, find_unknown=lambda token_id, texts: ["?!"]),
        n_special=2,
        max_length=5,
        unknown_id=3,
        token_text=lambda token_id: f"t{token_id}",
    )
    assert json.loads(json.dumps(figures)) == figures
    assert (figures["reviews"], figures["tokens"], figures["duplicates"]) == (3, 14, 1)
    assert figures["labels"] == [[0, 1], [1, 2]]
    lengths = figures["lengths"]
    assert lengths["mean"] == pytest.approx(14 / 3 + 2)
    assert lengths["percentiles"] == {"50": 5, "90": 12, "95": 12, "99": 12}
    assert lengths["longest"] == 12
    assert lengths["histogram"]["width"] == 1
    assert [i for i, n in enumerate(lengths["histogram"]["reviews"]) if n] == [3, 5, 12]
    assert [row["max_length"] for row in lengths["at"]][:3] == [5, 64, 128]
    assert lengths["at"][0]["reviews_longer"] == 1
    assert figures["vocabulary"] == {
        "size": 5,
        "used": 3,
        "frequent": [
            {"id": 2, "text": "t2", "count": 12},
            {"id": 1, "text": "t1", "count": 1},
            {"id": 3, "text": "t3", "count": 1},
        ],
    }
    assert figures["unknown"] == {"id": 3, "tokens": 1, "words": [{"text": "?!", "count": 1}]}


def test_the_histogram_holds_every_review_whatever_the_lengths():
    for longest in (1, 39, 40, 500, 9000):
        part = part_of([[0] * n for n in (0, 1, longest)])
        figures = figures_of(
            measure(part, vocab_size=1), n_special=2, max_length=64, unknown_id=None, token_text=str
        )
        histogram = figures["lengths"]["histogram"]
        assert len(histogram["reviews"]) == MAX_BINS
        assert sum(histogram["reviews"]) == 3
        assert histogram["width"] * (MAX_BINS - 1) > min(longest, 4096)


def test_no_review_gives_figures_too():
    figures = figures_of(
        measure(part_of([]), vocab_size=2),
        n_special=0,
        max_length=8,
        unknown_id=0,
        token_text=str,
    )
    assert (figures["reviews"], figures["lengths"]["mean"]) == (0, 0)
    assert figures["lengths"]["at"][0]["padding_share"] == 0
    assert figures["vocabulary"]["frequent"] == []
