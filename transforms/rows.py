"""Rows out of tokens: subsets, then blocks or padded reviews, then static masks."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

import apache_beam as beam

from transforms.functional.dataset.manifest_entries import SUBSETS
from transforms.functional.elements import PackedPart, TokenizedPart
from transforms.functional.reviews.subsets import split_subsets
from transforms.functional.rows.best_fit import BestFitLayout, fit_reviews
from transforms.functional.rows.masking import MaskRecipe, mask_rows
from transforms.functional.rows.packing import BlockLayout, pack_blocks
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.timing import timed


@dataclass(eq=False)
class SplitSubsets(beam.PTransform):
    """Divide each part's reviews into `train` and `validation`.

    Args:
        validation_fraction: Share of reviews for validation, 0 to 1.
        seed: Seed of the choice.
        validation_sources: (first, end) of runs of input files whose reviews are for validation;
            with them nothing is drawn.

    Example:
        `tokenized`: from `TokenizeReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(tokenized) | SplitSubsets(0.1, seed=0)
        ...     _ = made | beam.Map(lambda part: print(part.subset))
        train
        validation
    """

    validation_fraction: float
    _: KW_ONLY
    seed: int
    validation_sources: Sequence[tuple[int, int]] | None = None

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `TokenizedPart`, two for each one."""
        return parts | beam.FlatMap(
            split_subsets, self.validation_fraction, self.seed, self.validation_sources
        ).with_output_types(TokenizedPart)


@dataclass(eq=False)
class MakeRows(beam.PTransform):
    """Pack the reviews of each part into blocks, or make rows of each review.

    Args:
        layout: A `BlockLayout` or `BestFitLayout` for masked language modelling, a `RowLayout` for
            classification.

    Example:
        `tokenized`: from `TokenizeReviews`.

        >>> layout = BlockLayout(max_length=128, template=Template(prefix=(1,), suffix=(2,)))
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(tokenized) | MakeRows(layout)
        ...     _ = made | beam.Map(lambda part: print(len(part.packed.rows)))
        276
    """

    layout: BlockLayout | BestFitLayout | RowLayout

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        return parts | beam.Map(timed("rows", make_rows), self.layout).with_output_types(PackedPart)


@dataclass(eq=False)
class MaskBlocks(beam.PTransform):
    """Choose and replace tokens once, for every epoch the same.

    Args:
        recipe: What to choose and how to replace it.

    Example:
        `packed`: from `MakeRows`; `recipe`: a `MaskRecipe`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(packed) | MaskBlocks(recipe)
        ...     _ = made | beam.Map(lambda part: print(len(part.packed.rows.mlm_labels)))
        35328
    """

    recipe: MaskRecipe

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        return parts | beam.Map(mask_part, self.recipe).with_output_types(PackedPart)


def make_rows(part: TokenizedPart, layout: BlockLayout | BestFitLayout | RowLayout) -> PackedPart:
    """Make rows of one part."""
    if isinstance(layout, BlockLayout):
        packed = pack_blocks(part.tokens, layout)
    elif isinstance(layout, BestFitLayout):
        packed = fit_reviews(part.tokens, layout)
    else:
        packed = pad_reviews(part.tokens, layout)
    return PackedPart(
        key=part.key, digest=part.digest, index=part.index, packed=packed, subset=part.subset
    )


def mask_part(part: PackedPart, recipe: MaskRecipe) -> PackedPart:
    """Mask one part's blocks."""
    shard = (part.key.split, part.key.part, SUBSETS.index(part.subset))
    rows = mask_rows(part.packed.rows, shard, recipe)
    return replace(part, packed=replace(part.packed, rows=rows))
