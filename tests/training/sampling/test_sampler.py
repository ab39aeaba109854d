import math
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from training.sampling.batching import LengthOrder
from training.sampling.order import Order, ShardOrder
from training.sampling.permutation import key_of, permute
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import DatasetError

SHARDS = [63, 59, 66, 1, 43, 62, 57, 58]
N_ROWS = sum(SHARDS)


def orders() -> dict[str, Order]:
    shuffled = ShardOrder(SHARDS, seed=3, window_shards=3)
    lengths = np.random.default_rng(0).integers(2, 100, N_ROWS)
    by_length = LengthOrder(shuffled, lambda rows: lengths[rows], global_batch=12, chunk_batches=5)
    return {"shuffled": shuffled, "by length": by_length}


def whole_epoch(order: Order, epoch: int) -> list[int]:
    rows, _ = order.rows(epoch, np.arange(len(order)))
    return rows.tolist()


def run(
    order: Order, world_size: int, global_batch: int, start: int, steps: int
) -> list[list[int]]:
    """Return the rows of each global batch that processes read from a sample on."""
    samplers = [
        ElasticSampler(order, global_batch // world_size, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    for sampler in samplers:
        sampler.load_state_dict({"samples": start})
    batches: list[list[int]] = []
    while len(batches) < steps:
        for shares in zip(*samplers, strict=True):
            batches.append([row for share in shares for row in share.rows.tolist()])
            if len(batches) == steps:
                break
    return batches


@given(size=st.integers(1, 9000), key=st.integers(0, 2**64 - 1))
@settings(max_examples=60, deadline=None)
def test_a_permutation_takes_each_number_to_another(size: int, key: int) -> None:
    permuted = permute(np.arange(size), size, key_of(key))

    assert sorted(permuted.tolist()) == list(range(size))


def test_permutations_of_other_keys_differ_and_look_random() -> None:
    first, second = (permute(np.arange(1000), 1000, key_of(1, n)) for n in (0, 1))
    moved = np.abs(first - np.arange(1000)).mean()

    assert (first == second).sum() < 10  # Two random ones agree in one place on average.
    assert 300 < moved < 367  # A third of the size, give or take.
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.1


def test_every_place_is_equally_likely() -> None:
    places = np.array([permute(np.array([5]), 20, key_of(n))[0] for n in range(4000)])
    counts = np.bincount(places, minlength=20)

    assert counts.min() > 140  # 200 expected, with a deviation of 14.
    assert counts.max() < 260


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_permutation_of_few_is_equally_likely(size: int) -> None:
    n_keys = 12_000
    found = Counter(tuple(permute(np.arange(size), size, key_of(n))) for n in range(n_keys))
    expected = n_keys / math.factorial(size)
    chi_squared = sum((count - expected) ** 2 for count in found.values()) / expected

    assert len(found) == math.factorial(size)
    freedom = len(found) - 1
    assert abs(chi_squared - freedom) < 4 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("size", [4095, 4096, 4097, 5000])
def test_few_and_many_are_permuted_whole(size: int) -> None:
    permuted = permute(np.arange(size), size, key_of(size))

    assert np.array_equal(np.sort(permuted), np.arange(size))
    assert np.array_equal(permute(np.array([7, 3, 7]), size, key_of(size)), permuted[[7, 3, 7]])


@pytest.mark.parametrize("name", ["shuffled", "by length"])
def test_an_epoch_has_every_row_once_and_the_next_in_another_order(name: str) -> None:
    order = orders()[name]
    first, second = whole_epoch(order, 0), whole_epoch(order, 1)

    assert sorted(first) == sorted(second) == list(range(N_ROWS))
    assert first != second
    assert first == whole_epoch(orders()[name], 0)


def test_shards_are_read_window_by_window() -> None:
    order = orders()["shuffled"]
    shard_of_row = np.repeat(np.arange(len(SHARDS)), SHARDS)
    shards = shard_of_row[whole_epoch(order, 2)]
    position, seen = 0, []
    while position < N_ROWS:
        change, (now, following) = order.windows(2, position)
        assert set(shards[position:change].tolist()) == set(now)
        seen += now
        if change < N_ROWS:
            assert order.windows(2, change)[1][0] == following
        position = change

    assert sorted(seen) == list(range(len(SHARDS)))
    assert len(set(shards[:60].tolist())) == 3


def test_windows_of_epoch_0_double_from_the_first_on() -> None:
    order = ShardOrder([10] * 20, seed=1, window_shards=8, first_window_shards=2)
    everything = whole_epoch(order, 0)
    shards = np.array(everything) // 10
    ends, position = [0], 0
    while position < 200:
        change, (now, following) = order.windows(0, position)
        assert set(shards[position:change].tolist()) == set(now)
        if change < 200:
            assert order.windows(0, change)[1][0] == following
        ends.append(change)
        position = change

    assert ends == [0, 20, 60, 140, 200]
    assert sorted(everything) == list(range(200))
    assert order.windows(1, 0)[0] == 80
    with pytest.raises(ValueError, match="first_window_shards must be at least 1, got 32 and 0"):
        ShardOrder([10], first_window_shards=0)


def test_without_shuffling_rows_come_in_order() -> None:
    assert whole_epoch(ShardOrder(SHARDS, shuffle=False), 5) == list(range(N_ROWS))


@pytest.mark.parametrize("name", ["shuffled", "by length"])
@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_any_number_of_processes_reads_the_same_global_batches(name: str, world_size: int) -> None:
    order = orders()[name]
    expected = whole_epoch(order, 0) + whole_epoch(order, 1)

    batches = run(order, world_size, 12, start=0, steps=2 * -(-N_ROWS // 12))

    assert [row for batch in batches for row in batch] == expected


@given(
    stop=st.integers(0, 60),
    before=st.sampled_from([1, 2, 3, 4]),
    after=st.sampled_from([1, 2, 3, 4]),
)
@settings(max_examples=40, deadline=None)
def test_a_run_resumed_at_any_step_on_other_processes_reads_what_is_left(
    stop: int, before: int, after: int
) -> None:
    order = orders()["shuffled"]
    unbroken = run(order, 1, 12, start=0, steps=80)
    steps_in_epoch = -(-N_ROWS // 12)
    samples = (stop // steps_in_epoch) * N_ROWS + (stop % steps_in_epoch) * 12

    first = run(order, before, 12, start=0, steps=stop) if stop else []
    rest = run(order, after, 12, start=samples, steps=80 - stop)

    assert first + rest == unbroken


def test_the_state_is_one_number_that_counts_what_was_handed_out() -> None:
    order = ShardOrder([10], seed=1)
    sampler = ElasticSampler(order, 4, rank=0, world_size=1)
    states = [sampler.state_dict() for _ in sampler]

    assert states == [{"samples": 4}, {"samples": 8}, {"samples": 10}]
    assert sampler.epoch == 1
    sampler.set_epoch(1)
    assert sampler.state_dict() == {"samples": 10}
    sampler.set_epoch(5)
    assert sampler.state_dict() == {"samples": 50}


def test_all_processes_take_the_same_number_of_steps_when_rows_do_not_divide() -> None:
    order = ShardOrder([13], seed=1)
    samplers = [ElasticSampler(order, 2, rank=rank, world_size=3) for rank in range(3)]
    shares = [[len(batch) for batch in sampler] for sampler in samplers]

    assert shares == [[2, 2, 1], [2, 2, 0], [2, 2, 0]]
    assert [len(sampler) for sampler in samplers] == [3, 3, 3]


def test_the_sampler_asks_for_shards_when_their_window_begins() -> None:
    class Fetcher:
        asked: list[list[int]] = []  # noqa: RUF012  # One test, one instance.

        def fetch_ahead(self, shards: list[int]) -> None:
            self.asked.append(shards)

    order, fetcher = ShardOrder([300] * 6, seed=1, window_shards=2), Fetcher()
    list(ElasticSampler(order, 2, rank=0, world_size=1, fetcher=fetcher))

    windows = [order.windows(0, position)[1] for position in (0, 600, 1200)]
    assert fetcher.asked == [now + following for now, following in windows]
    assert [len(each) for each in fetcher.asked] == [4, 4, 2]


def test_length_order_batches_similar_lengths() -> None:
    lengths = np.random.default_rng(0).integers(2, 100, N_ROWS)
    order = LengthOrder(
        ShardOrder(SHARDS, seed=3), lambda rows: lengths[rows], global_batch=8, chunk_batches=10
    )
    rows = np.array(whole_epoch(order, 0))[: N_ROWS // 8 * 8].reshape(-1, 8)
    padding = (lengths[rows].max(axis=1, keepdims=True) - lengths[rows]).sum() / lengths[rows].sum()

    assert padding < 0.12
    longest_first = np.argsort(lengths[rows].max(axis=1)[:10])
    assert longest_first.tolist() != sorted(longest_first.tolist())


def test_an_order_pickles() -> None:
    order = ShardOrder(SHARDS, seed=3)
    assert whole_epoch(pickle.loads(pickle.dumps(order)), 0) == whole_epoch(order, 0)


def test_fewer_rows_than_processes_is_an_error_on_each_of_them() -> None:
    for rank in range(4):
        with pytest.raises(DatasetError, match="3 rows for 4 processes"):
            ElasticSampler(ShardOrder([3]), 1, rank=rank, world_size=4)


@pytest.mark.parametrize(("batch_size", "rank"), [(0, 0), (1, 2), (1, -1)])
def test_wrong_numbers_are_refused(batch_size: int, rank: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        ElasticSampler(ShardOrder([30]), batch_size, rank=rank, world_size=2)
