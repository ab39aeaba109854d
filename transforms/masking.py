"""Static masks for masked language modelling."""

from dataclasses import replace

import apache_beam as beam

from transforms.functional.dataset.manifest import SUBSETS
from transforms.functional.elements import PackedPart
from transforms.functional.rows.masking import MaskRecipe, mask_rows


class MaskBlocks(beam.PTransform):
    """Choose and replace tokens once, for every epoch the same.

    Args:
        recipe: What to choose and how to replace it.

    Example:
        `packed`: from `PackBlocks`; `recipe`: a `MaskRecipe`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(packed) | MaskBlocks(recipe)
        ...     _ = made | beam.Map(lambda part: print(len(part.packed.rows.mlm_labels)))
        35328
    """

    def __init__(self, recipe: MaskRecipe) -> None:
        """Store the recipe."""
        super().__init__()
        self.recipe = recipe

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        return parts | beam.Map(mask_part, self.recipe).with_output_types(PackedPart)


def mask_part(part: PackedPart, recipe: MaskRecipe) -> PackedPart:
    """Mask one part's blocks."""
    shard = (part.key.split, part.key.part, SUBSETS.index(part.subset))
    rows = mask_rows(part.packed.rows, shard, recipe)
    return replace(part, packed=replace(part.packed, rows=rows))
