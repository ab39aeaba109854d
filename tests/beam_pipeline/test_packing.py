"""Whole jobs whose blocks know their reviews: end to end or whole, shuffled, masked, appended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beam_pipeline.inspect import main as inspect
from beam_pipeline.verify import main as verify
from tests import jobs, oracle
from tests.beam_pipeline.jobs import REVIEWS, run
from tests.oracle import Dataset
from transforms.functional.rows.masking import IGNORED

LENGTH = 32  # Of the blocks: most reviews of the sample are longer.


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return whole reviews in blocks, shuffled and masked, of two generations."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "in").mkdir()
    lines = REVIEWS.read_bytes().splitlines(keepends=True)
    options = ("--append", "--packing", "best_fit", "--order", "shuffled", "--masking", "static")
    for number, night in enumerate((lines[:180], lines[180:])):
        (folder / "in" / f"{number}.jsonl").write_bytes(b"".join(night))
        assert run(folder / "out", *options, reviews=folder / "in") == 0
    return Dataset(folder / "out")


def pieces_of(dataset: Dataset) -> list[tuple[int, ...]]:
    """Return what stands between review starts, as the ids were before they were masked."""
    pieces = []
    columns = ("input_ids", "labels", "attention_mask", "review_starts")
    for row in zip(*map(dataset.column, columns), strict=True):
        ids, labels, real, starts = map(np.array, row)
        ids = np.where(labels == IGNORED, ids, labels)[real]
        edges = np.flatnonzero(starts)
        pieces += [tuple(piece.tolist()) for piece in np.split(ids, edges[1:])]
    return pieces


def test_every_review_is_whole_or_in_windows_as_hugging_face_cuts_them(fitted: Dataset) -> None:
    windows = oracle.auto_tokenizer(jobs.TOKENIZER)(
        oracle.sample_texts(), truncation=True, max_length=LENGTH, return_overflowing_tokens=True
    )

    assert sorted(pieces_of(fitted)) == sorted(map(tuple, windows["input_ids"]))
    ledger = fitted.manifest.ledger
    assert ledger.tokens.written == sum(map(len, windows["input_ids"]))
    assert ledger.tokens.dropped == ledger.reviews.dropped == ledger.reviews.truncated == 0
    assert ledger.reviews.written == len(oracle.sample_texts())
    assert len(fitted.manifest.generations) == 2


def test_a_row_names_the_review_that_it_begins_with(fitted: Dataset) -> None:
    inputs = [Path(entry.path).read_bytes() for entry in fitted.manifest.inputs]
    tokenizer = oracle.auto_tokenizer(jobs.TOKENIZER)
    columns = ("input_ids", "labels", "review_starts", "attention_mask", "source", "record")
    for *values, source, record in list(zip(*map(fitted.column, columns), strict=True))[::9]:
        ids, labels, starts, real = map(np.array, values)
        ids = np.where(labels == IGNORED, ids, labels)[real]
        first = np.split(ids, np.flatnonzero(starts)[1:])[0].tolist()
        text = json.loads(inputs[source][record:].split(b"\n", 1)[0])["text"]
        windows = tokenizer(
            text, truncation=True, max_length=LENGTH, return_overflowing_tokens=True
        )
        assert first in windows["input_ids"]


def test_masks_choose_no_padding_and_about_the_share_that_was_asked_for(fitted: Dataset) -> None:
    labels = np.array(fitted.column("labels"))
    real = np.array(fitted.column("attention_mask"))

    assert not (labels[~real] != IGNORED).any()
    assert 0.1 < (labels[real] != IGNORED).mean() < 0.2


def test_verify_and_inspect_know_the_column(
    fitted: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify([str(fitted.folder)]) == 0
    assert inspect([str(fitted.folder)]) == 0
    out = capsys.readouterr().out
    assert "--packing best_fit" in out
    real = np.array(fitted.column("attention_mask"))
    assert f"padding     {1 - real.mean():.2%} of all".replace("%", " %") in out
    begins = np.array(fitted.column("review_starts")).sum(axis=1)
    row = int(np.flatnonzero(begins == 3)[0])
    assert inspect([str(fitted.folder), "--row", str(row)]) == 0
    assert ", and 2 more\n" in capsys.readouterr().out


def test_review_starts_are_where_the_template_begins_and_at_each_blocks_edge(
    tmp_path: Path,
) -> None:
    with_starts = oracle.make(tmp_path / "with", *jobs.SMALL_PARTS, "--review_starts")
    without = oracle.make(tmp_path / "without", *jobs.SMALL_PARTS)

    ids = np.array(with_starts.column("input_ids"))
    expected = ids == with_starts.manifest.tokenizer.prefix[0]
    expected[:, 0] = True
    assert np.array_equal(np.array(with_starts.column("review_starts")), expected)
    assert ids.tolist() == without.column("input_ids")
    assert "review_starts" not in without.table().column_names
    assert "review_starts" not in without.manifest.config
