"""Rows out of tokens: blocks for masked language modelling, padded reviews for classification."""

from typing import Literal

import apache_beam as beam

from transforms.functional.elements import PackedPart, TokenizedPart
from transforms.functional.reviews.subsets import split_subsets
from transforms.functional.rows.packing import pack_blocks
from transforms.functional.rows.padding import RowLayout, pad_reviews
from transforms.functional.rows.rows import PackedReviews
from transforms.functional.rows.template import Template
from transforms.timing import timed


class SplitSubsets(beam.PTransform):
    """Divide each part's reviews into `train` and `validation`.

    Args:
        validation_fraction: Share of reviews for validation, 0 to 1.
        seed: Seed of the choice.

    Example:
        `tokenized`: from `TokenizeReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(tokenized) | SplitSubsets(0.1, seed=0)
        ...     _ = made | beam.Map(lambda part: print(part.subset))
        train
        validation
    """

    def __init__(self, validation_fraction: float, *, seed: int) -> None:
        """Store the options."""
        super().__init__()
        self.validation_fraction = validation_fraction
        self.seed = seed

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `TokenizedPart`, two for each one."""
        return parts | beam.FlatMap(
            split_subsets, self.validation_fraction, self.seed
        ).with_output_types(TokenizedPart)


class PackBlocks(beam.PTransform):
    """Concatenate the reviews of each part and cut them into blocks.

    Args:
        max_length: Tokens in a block.
        template: Special tokens around each review.
        remainder: Drop the tokens that fill no block, or pad them.
        pad_id: Id of padding, needed for `pad`.

    Example:
        `tokenized`: from `TokenizeReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     given = pipeline | beam.Create(tokenized)
        ...     made = given | PackBlocks(128, template=Template(prefix=(1,), suffix=(2,)))
        ...     _ = made | beam.Map(lambda part: print(len(part.packed.rows)))
        276
    """

    def __init__(
        self,
        max_length: int,
        *,
        template: Template,
        remainder: Literal["drop", "pad"] = "drop",
        pad_id: int | None = None,
    ) -> None:
        """Store the options."""
        super().__init__()
        self.max_length = max_length
        self.template = template
        self.remainder = remainder
        self.pad_id = pad_id

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        return parts | "MakeRows" >> beam.Map(timed("rows", self.make_rows)).with_output_types(
            PackedPart
        )

    def make_rows(self, part: TokenizedPart) -> PackedPart:
        """Pack one part."""
        packed = pack_blocks(
            part.tokens,
            max_length=self.max_length,
            template=self.template,
            remainder=self.remainder,
            pad_id=self.pad_id,
        )
        return _packed(part, packed)


class PadReviews(beam.PTransform):
    """Truncate or window each review, and pad it.

    Args:
        layout: Lengths, padding, overflow and sides.

    Example:
        `tokenized`: from `TokenizeReviews`; `layout`: a `RowLayout` for `truncate`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(tokenized) | PadReviews(layout)
        ...     _ = made | beam.Map(lambda part: print(len(part.packed.rows)))
        277
    """

    def __init__(self, layout: RowLayout) -> None:
        """Store the layout."""
        super().__init__()
        self.layout = layout

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `PackedPart`."""
        return parts | "MakeRows" >> beam.Map(timed("rows", self.make_rows)).with_output_types(
            PackedPart
        )

    def make_rows(self, part: TokenizedPart) -> PackedPart:
        """Pad one part."""
        packed = pad_reviews(part.tokens, self.layout)
        return _packed(part, packed)


def _packed(part: TokenizedPart, packed: PackedReviews) -> PackedPart:
    return PackedPart(
        key=part.key, digest=part.digest, index=part.index, packed=packed, subset=part.subset
    )
