"""Random numbers that never change: datasets made years apart must agree."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from transforms.functional.counter_random import (
    SHUFFLE,
    VALIDATION,
    below,
    block_draws,
    review_random,
)


def _draw(seed: int, use: int, sources: list[int], records: list[int]) -> np.ndarray:
    return review_random(seed, use, np.array(sources, np.uint32), np.array(records, np.uint64))


def _of_block(seed: int, epoch: int, shard: tuple[int, int, int], row: int, n: int) -> np.ndarray:
    return block_draws(seed, np.array([(epoch, *shard, row)]), n)[0]


def test_reviews_draw_these_numbers_for_ever():
    draws = _draw(0, VALIDATION, [0, 0, 1, 2**32 - 1], [0, 1, 0, 2**64 - 1])
    assert draws.dtype == np.uint64
    assert [f"{draw:016x}" for draw in draws.tolist()] == [
        "e28195ddd9ee4956",
        "c721b22325c45508",
        "91df2b1652002e2d",
        "8ad7c37c35cf8efa",
    ]
    assert [f"{draw:016x}" for draw in _draw(2**64 - 1, SHUFFLE, [0, 7], [0, 9]).tolist()] == [
        "e547c89ce79c0e99",
        "b8a908d310b76141",
    ]


def test_blocks_draw_these_words_for_ever():
    draws = _of_block(0, 0, (0, 0, 0), 0, 4)
    assert draws.dtype == np.uint64
    assert [f"{draw:016x}" for draw in draws.tolist()] == [
        "02f4ba6408e4d89b",
        "3dd62b0b9ca8c5b2",
        "1c8667a55d902e79",
        "907d7a052fd5b4dc",
    ]
    draws = _of_block(2**64 - 1, 3, (1, 2, 1), 5, 2)
    assert [f"{draw:016x}" for draw in draws.tolist()] == ["60a945507187a95b", "e5c7c9ad42ad41ee"]


def test_a_review_draws_the_same_whatever_is_drawn_beside_it():
    together = _draw(5, SHUFFLE, [0] * 100, list(range(100)))
    order = np.random.default_rng(0).permutation(100)
    alone = np.concatenate([_draw(5, SHUFFLE, [0], [record]) for record in order.tolist()])
    assert (alone == together[order]).all()


def test_a_block_draws_the_same_in_any_order_and_a_longer_draw_begins_with_a_shorter():
    blocks = np.array([(1, 2, 3, 0, row) for row in (5, 0, 3)])
    together = block_draws(7, blocks, 10)
    for row in (2, 0, 1):
        for n in (1, 4, 10):
            assert (block_draws(7, blocks[row : row + 1], n)[0] == together[row, :n]).all()
    assert block_draws(7, blocks[:0], 10).shape == (0, 10)


def test_threads_do_not_draw_each_others_numbers():
    blocks = np.array([(1, 2, 3, 0, row) for row in range(50)])
    expected = [block_draws(seed, blocks, 100) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda seed: block_draws(seed, blocks, 100), range(16)))
    assert np.array_equal(expected, drawn)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 8},
        {"epoch": 2},
        {"row": 6},
        {"shard": (3, 3, 0)},
        {"shard": (2, 4, 0)},
        {"shard": (2, 3, 1)},
    ],
)
def test_every_part_of_a_blocks_key_counts(other):
    key = {"seed": 7, "epoch": 1, "shard": (2, 3, 0), "row": 5}

    def draws(seed: int, epoch: int, shard: tuple[int, int, int], row: int) -> np.ndarray:
        return _of_block(seed, epoch, shard, row, 1000)

    assert not np.isin(draws(**{**key, **other}), draws(**key)).any()


def test_neighbouring_keys_draw_independent_uniform_numbers():
    n = 100_000
    draws = _draw(0, VALIDATION, [0] * n, list(range(n)))
    assert len(np.unique(draws)) == n
    counts = np.bincount((draws >> np.uint64(60)).astype(np.int64), minlength=16)
    # 16 cells of n / 16 = 6,250; one standard deviation is 77.
    assert abs(counts - n / 16).max() < 400
    low = np.bincount((draws & np.uint64(15)).astype(np.int64), minlength=16)
    assert abs(low - n / 16).max() < 400
    ones = np.unpackbits(draws.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 0.001


def test_two_uses_seeds_or_sources_of_one_review_are_not_correlated():
    n = 50_000
    records = list(range(n))
    base = _draw(0, VALIDATION, [0] * n, records)
    for seed, use, source in ((0, SHUFFLE, 0), (1, VALIDATION, 0), (0, VALIDATION, 1)):
        other = _draw(seed, use, [source] * n, records)
        assert abs(np.corrcoef(base.astype(float), other.astype(float))[0, 1]) < 0.02
        assert not (base == other).any()


def test_below_takes_its_share_none_and_all():
    draws = _draw(3, VALIDATION, [0] * 100_000, list(range(100_000)))
    assert not below(draws, 0.0).any()
    assert below(draws, 1.0).all()
    assert abs(below(draws, 0.1).mean() - 0.1) < 0.004
    # A larger share takes all that a smaller takes.
    assert (below(draws, 0.3) >= below(draws, 0.1)).all()
    assert below(np.array([2**64 - 1], np.uint64), 1.0).all()
