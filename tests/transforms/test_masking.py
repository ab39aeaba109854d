from typing import Any

import numpy as np

from tests.transforms.functional.tiny import BERT
from tests.transforms.pipelines import check
from tests.transforms.test_packing import part_of
from transforms.functional.elements import PackedPart
from transforms.functional.rows.masking import MaskRecipe
from transforms.functional.rows.padding import RowLayout
from transforms.masking import MaskBlocks, mask_part
from transforms.packing import PadReviews

RECIPE = MaskRecipe(mask_id=103, vocab_size=1000, special_ids=(0, 101, 102), probability=0.5)
LAYOUT = RowLayout(max_length=34, template=BERT, pad_id=0)


def packed(number: int) -> PackedPart:
    return PadReviews(LAYOUT).make_rows(part_of(number, [list(range(200, 232))]))


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
    assert after.packed.tokens == before.packed.tokens
    assert after.packed.reviews_written == 1
