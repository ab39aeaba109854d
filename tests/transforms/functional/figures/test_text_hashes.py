import numpy as np
import pytest

from transforms.functional.figures import review_statistics
from transforms.functional.figures.review_statistics import count_repeated, dump_hashes, load_hashes


def hashes(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_texts_of_earlier_generations_are_counted_once() -> None:
    assert count_repeated(hashes(1, 2, 3), [hashes(2, 9), hashes(3, 2)]) == 2
    assert count_repeated(hashes(1, 2), []) == 0


def test_too_many_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_statistics, "MAX_HASHED_REVIEWS", 2)
    assert count_repeated(hashes(1), [hashes(1), hashes(1, 2)]) is None


def test_hashes_survive_their_file() -> None:
    large = hashes(0, 2**64 - 1)
    assert load_hashes(dump_hashes(large)).tolist() == large.tolist()
