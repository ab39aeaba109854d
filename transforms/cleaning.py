"""Cleaning: parts of reviews become parts of clean ones."""

import apache_beam as beam

from transforms.functional.reviews.cleaning import Cleaning, clean_part
from transforms.functional.reviews.reviews import Part


class CleanReviews(beam.PTransform):
    """Clean the text of each review, and count those that it changed.

    Args:
        cleaning: What is done to the texts.

    Example:
        `parts`: from `ReadReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | beam.Create(parts) | CleanReviews(Cleaning(strip_html=True))
        ...     _ = made | beam.Map(lambda part: print(part.reviews.num_rows))
        277
    """

    def __init__(self, cleaning: Cleaning) -> None:
        """Store the options."""
        super().__init__()
        self.cleaning = cleaning

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `Part`."""
        return parts | beam.Map(clean_part, cleaning=self.cleaning).with_output_types(Part)
