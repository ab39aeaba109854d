"""Static masks of whole jobs."""

from pathlib import Path

import numpy as np
import pytest

from tests import oracle
from transforms.functional.rows.masking import IGNORED


@pytest.mark.parametrize("whole_words", [False, True])
def test_static_masks_of_a_whole_job(tmp_path: Path, whole_words: bool) -> None:
    options = ("--task", "mlm", "--max_length", 64, "--mlm_probability", 0.15)
    plain = oracle.make(tmp_path / "plain", *options[:4]).table()
    flag = ("--whole_word_masking",) if whole_words else ()
    made = oracle.make(tmp_path / "static", *options, "--masking", "static", *flag)
    table = made.table()

    before = np.array(plain["input_ids"].to_pylist())
    masked = np.array(table["input_ids"].to_pylist())
    labels = np.array(table["labels"].to_pylist())
    chosen = labels != IGNORED
    # Undone by the labels, the masks leave the blocks of a job without masks.
    assert np.array_equal(np.where(chosen, labels, masked), before)
    special = np.isin(before, (0, 1, 2, 3, 4))
    assert not np.any(chosen & special)
    n = int((~special).sum())
    # 4.5 standard deviations; whole words vary more, as their tokens fall together.
    bound = 4.5 * np.sqrt(0.15 * 0.85 / n) * (2 if whole_words else 1)
    assert n > 30_000
    assert abs(chosen.sum() / n - 0.15) < bound < 0.02
    if whole_words:
        for words, row in zip(made.rows().word_ids(), chosen, strict=True):
            of_word: dict[int, set[bool]] = {}
            for word, one in zip(words, row.tolist(), strict=True):
                of_word.setdefault(word, set()).add(one)
            assert all(len(found) == 1 for found in of_word.values())


def test_static_masks_of_everything(tmp_path: Path) -> None:
    options = ("--task", "mlm", "--max_length", 64, "--masking", "static", "--remainder", "pad")
    dataset = oracle.make(tmp_path / "out", *options, "--mlm_probability", "1.0")

    labels = np.array(dataset.column("labels"))
    ids = np.array(dataset.column("input_ids"))
    real = np.array(dataset.column("attention_mask"))
    assert not np.any((labels != IGNORED) & ~real)
    # What is left unpredicted is special: [CLS], [SEP], [UNK], and one review that says "[MASK]".
    assert set(ids[(labels == IGNORED) & real].tolist()) <= {1, 2, 3, 4}
    assert np.count_nonzero(labels != IGNORED) > 30_000
