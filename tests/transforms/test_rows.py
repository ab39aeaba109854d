from typing import Any

import numpy as np

from tests.transforms.functional.tiny import BERT, lists, tokens_of, words_of_one
from tests.transforms.pipelines import check
from transforms.functional.elements import PackedPart, ReviewIndex, TokenizedPart
from transforms.functional.reviews.reviews import PartKey
from transforms.functional.rows.masking import MaskRecipe
from transforms.functional.rows.packing import BlockLayout
from transforms.functional.rows.padding import RowLayout
from transforms.rows import MakeRows, MaskBlocks, SplitSubsets, make_rows, mask_part

RECIPE = MaskRecipe(mask_id=103, vocab_size=1000, special_ids=(0, 101, 102), probability=0.5)
LAYOUT = RowLayout(max_length=34, template=BERT, pad_id=0)


def part_of(number: int, reviews: list[list[int]]) -> TokenizedPart:
    n = len(reviews)
    return TokenizedPart(
        key=PartKey(split=number, part=0),
        digest=f"digest {number}",
        index=ReviewIndex(sources=np.zeros(n, np.uint32), records=np.arange(n, dtype=np.uint64)),
        tokens=tokens_of(words_of_one(reviews)),
        subset="validation",
    )


PARTS = [part_of(0, [[1, 2, 3], [4, 5]]), part_of(1, [[6]]), part_of(2, [])]


def by_split(parts: list[PackedPart]) -> dict[int, list[list[int]]]:
    assert {part.subset for part in parts} == {"validation"}
    assert all(part.digest == f"digest {part.key.split}" for part in parts)
    return {part.key.split: lists(part.packed.rows, "input_ids") for part in parts}


def test_each_part_is_packed_by_itself() -> None:
    def matches(parts: list[Any]) -> None:
        assert by_split(parts) == {
            0: [[101, 1, 2, 3], [102, 101, 4, 5], [102, 0, 0, 0]],
            1: [[101, 6, 102, 0]],
            2: [],
        }

    check(
        PARTS,
        MakeRows(BlockLayout(max_length=4, template=BERT, remainder="pad", pad_id=0)),
        matches,
    )


def test_each_part_is_padded_by_itself() -> None:
    def matches(parts: list[Any]) -> None:
        assert by_split(parts) == {
            0: [[101, 1, 2, 102], [101, 4, 5, 102]],
            1: [[101, 6, 102, 0]],
            2: [],
        }

    check(PARTS, MakeRows(RowLayout(max_length=4, template=BERT, pad_id=0)), matches)


def test_each_part_becomes_two_subsets() -> None:
    def matches(parts: list[Any]) -> None:
        found = sorted((part.key.split, part.subset) for part in parts)
        assert found == [(n, subset) for n in range(3) for subset in ("train", "validation")]
        assert all(part.digest == f"digest {part.key.split}" for part in parts)
        assert sorted(token for part in parts for token in part.tokens.ids) == [1, 2, 3, 4, 5, 6]

    check(PARTS, SplitSubsets(0.5, seed=0), matches)


def packed(number: int) -> PackedPart:
    return make_rows(part_of(number, [list(range(200, 232))]), LAYOUT)


def labels_of(part: PackedPart) -> bytes:
    labels = part.packed.rows.mlm_labels
    assert labels is not None
    assert 4 < np.count_nonzero(labels != -100) < 28
    return labels.tobytes()


def test_masks_are_keyed_by_split_and_subset_and_by_nothing_else() -> None:
    parts = [packed(0), packed(1)]
    expected = [labels_of(mask_part(part, RECIPE)) for part in parts]
    assert expected[0] != expected[1]

    def matches(made: list[Any]) -> None:
        assert [labels_of(part) for part in sorted(made, key=lambda part: part.key)] == expected

    check(list(reversed(parts)), MaskBlocks(RECIPE), matches)


def test_everything_but_the_rows_stays() -> None:
    before = packed(0)
    after = mask_part(before, RECIPE)

    assert (after.key, after.subset, after.index) == (before.key, before.subset, before.index)
    assert after.packed.ledger.tokens == before.packed.ledger.tokens
    assert after.packed.ledger.reviews.written == 1
