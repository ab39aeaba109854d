"""Rows set apart to evaluate on share no review with those that are trained on."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets import encode, sample_reviews, write_classification, write_mlm
from training.reading.dataset import ShardDataset
from training.reading.row_subset import RowSubset
from training.sampling.row_draws import draw_reviews, draw_rows, related_rows, set_apart
from transforms.functional.errors import DatasetError


def reviews_of(rows: RowSubset) -> set[tuple[int, ...]]:
    shown = rows.with_columns(["review"])
    return {tuple(review) for review in shown.dataset[rows.rows]["review"].tolist()}


def test_windows_of_a_review_are_all_evaluated_on_and_none_is_trained_on(tmp_path: Path) -> None:
    dataset = ShardDataset(write_classification(tmp_path, overflow="windows", length=16))
    evaluation, training = set_apart(dataset, 30, None, seed=3)

    assert not reviews_of(evaluation) & reviews_of(training)
    assert len(evaluation) + len(training) == len(dataset)
    assert 30 <= len(evaluation) < 60
    everything = dataset.with_columns(["review"])[:]["review"].tolist()
    chosen = reviews_of(evaluation)
    assert sum(tuple(review) in chosen for review in everything) == len(evaluation)


def test_windows_drawn_of_a_validation_subset_are_whole_reviews(tmp_path: Path) -> None:
    folder = write_classification(tmp_path, overflow="windows", length=16, validation_shards=1)
    dataset = ShardDataset(folder, "validation")
    drawn = draw_reviews(dataset, 10, seed=1)

    everything = dataset.with_columns(["review"])[:]["review"].tolist()
    assert sum(tuple(review) in reviews_of(drawn) for review in everything) == len(drawn)
    assert 10 <= len(drawn) < 40


@pytest.mark.parametrize("n_reviews", [4, 8, 60])
def test_blocks_that_share_a_review_are_those_that_reach_into_it(
    tmp_path: Path, n_reviews: int
) -> None:
    """The oracle marks each token with its review, by the template's tokens between them."""
    reviews = sample_reviews()[:n_reviews]
    dataset = ShardDataset(write_mlm(tmp_path, length=24, shards=1, reviews=reviews))
    ids = dataset[:]["input_ids"].numpy()
    review = np.cumsum(ids.reshape(-1) == 2).reshape(ids.shape)  # [CLS] begins each review.

    holds = [set(row.tolist()) for row in review]

    for row, mine in enumerate(holds):
        expected = [other for other, theirs in enumerate(holds) if mine & theirs]
        assert related_rows(dataset, np.array([row])).tolist() == expected


def test_whole_reviews_are_related_by_the_windows_of_the_long_ones(tmp_path: Path) -> None:
    length, reviews = 48, sample_reviews()[:60]
    folder = write_mlm(tmp_path, length=length, shards=1, reviews=reviews, best_fit=True)
    dataset = ShardDataset(folder, columns=["input_ids", "seq_idx"])
    room = length - 2
    owners: dict[tuple[int, ...], int] = {}
    for number, (ids, _) in enumerate(encode([text for text, _ in reviews])):
        for begin in range(0, len(ids), room):
            owners[(2, *ids[begin : begin + room].tolist(), 3)] = number
    batch = dataset[:]
    holds = [
        {owners[tuple(ids[seq == n].tolist())] for n in range(int(seq.max()) + 1)}
        for ids, seq in zip(batch["input_ids"], batch["seq_idx"], strict=True)
    ]
    sizes = []
    for row, mine in enumerate(holds):
        expected = {other for other, theirs in enumerate(holds) if mine & theirs}
        found = related_rows(dataset, np.array([row])).tolist()
        assert expected <= set(found)
        sizes.append((len(expected), len(found)))
    assert max(sizes)[0] > 2
    # A row also takes those along whose windows end in the same block, and no more.
    assert np.mean(sizes, axis=0)[1] < 2 * np.mean(sizes, axis=0)[0]
    assert min(sizes) == (1, 1)


def test_blocks_set_apart_share_no_review_with_training_blocks(mlm: Path) -> None:
    dataset = ShardDataset(mlm)
    evaluation, training = set_apart(dataset, 12, 40, seed=5)

    assert (len(evaluation), len(training)) == (12, 40)
    shared = related_rows(dataset, evaluation.rows)
    assert len(shared) > 12
    assert not set(shared.tolist()) & set(training.rows.tolist())


def test_draws_are_those_of_the_seed_and_too_many_are_refused(mlm: Path) -> None:
    dataset = ShardDataset(mlm)

    assert draw_rows(dataset, 9, 1).rows.tolist() == draw_rows(dataset, 9, 1).rows.tolist()
    assert draw_rows(dataset, 9, 1).rows.tolist() != draw_rows(dataset, 9, 2).rows.tolist()
    with pytest.raises(DatasetError, match="fewer than the 100000 asked for"):
        draw_rows(dataset, 100_000, 1)
    with pytest.raises(DatasetError, match="share no review with the"):
        set_apart(dataset, len(dataset) // 2, len(dataset) // 2, 1)
