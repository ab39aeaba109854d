"""Coders for what a runner may have to move between machines."""

import apache_beam as beam
import pyarrow as pa

from transforms.functional.reviews import REVIEW_SCHEMA, ReviewSlice


class ReviewSliceCoder(beam.coders.Coder):
    """Arrow IPC bytes of just the rows of a slice; pickle would take the whole buffer with it."""

    def encode(self, value: ReviewSlice) -> bytes:
        """Return a record batch message without its schema, which is always the same."""
        data: bytes = value.reviews.serialize().to_pybytes()
        return data

    def decode(self, encoded: bytes) -> ReviewSlice:
        """Return the slice."""
        return ReviewSlice(pa.ipc.read_record_batch(pa.py_buffer(encoded), REVIEW_SCHEMA))

    def is_deterministic(self) -> bool:
        """Return True: the same rows give the same bytes."""
        return True

    def to_type_hint(self) -> type[ReviewSlice]:
        """Return the type that this coder is for."""
        return ReviewSlice


beam.coders.registry.register_coder(ReviewSlice, ReviewSliceCoder)
