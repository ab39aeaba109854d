"""Coders for what a runner may have to move between machines: the same value, the same bytes."""

from typing import Any

import apache_beam as beam

from transforms.functional.elements import PackedPart, ReadReceipt, ShardReceipt, TokenizedPart
from transforms.functional.reviews.bad_files import BadFile, FileCounts
from transforms.functional.reviews.review_bytes import compress_reviews, decompress_reviews
from transforms.functional.reviews.reviews import Part
from transforms.functional.reviews.splits import Split

# Beam's own, which refuses what it cannot encode the same way every time.
_FIELDS = beam.coders.FastPrimitivesCoder().as_deterministic_coder("a record")
# The coder that Beam takes for what has none.
_WHOLE = beam.coders.PickleCoder()


class RecordCoder(beam.coders.Coder):
    """Frozen dataclasses of plain values, field by field; pickle's bytes vary with identities."""

    def encode(self, value: Any) -> bytes:
        """Return the name of the class, and its fields."""
        data: bytes = _FIELDS.encode(value)
        return data

    def decode(self, encoded: bytes) -> Any:
        """Return the record."""
        return _FIELDS.decode(encoded)

    def is_deterministic(self) -> bool:
        """Return True: the same fields give the same bytes."""
        return True


class PartCoder(RecordCoder):
    """A part's fields, its reviews compressed."""

    def encode(self, value: Part) -> bytes:
        """Return the fields in their order, whatever there may be."""
        fields = {**vars(value), "reviews": compress_reviews(value.reviews)}
        fields.pop("digest", None)  # Worked out again where it is needed.
        return super().encode(fields)

    def decode(self, encoded: bytes) -> Part:
        """Return the part."""
        fields = super().decode(encoded)
        return Part(**{**fields, "reviews": decompress_reviews(fields["reviews"])})

    def estimate_size(self, value: Part) -> int:
        """Return the bytes of the reviews: Beam asks often, and would encode the part to know."""
        n_bytes: int = value.reviews.nbytes
        return n_bytes


class TokensCoder(beam.coders.Coder):
    """Parts as tokens or rows: Beam's way, where a runner moves them between workers at all."""

    def encode(self, value: TokenizedPart | PackedPart) -> bytes:
        """Return the part as bytes."""
        data: bytes = _WHOLE.encode(value)
        return data

    def decode(self, encoded: bytes) -> TokenizedPart | PackedPart:
        """Return the part."""
        part: TokenizedPart | PackedPart = _WHOLE.decode(encoded)
        return part

    def estimate_size(self, value: TokenizedPart | PackedPart) -> int:
        """Return the bytes of the ids, as most of them: Beam asks often."""
        if isinstance(value, TokenizedPart):
            return value.tokens.ids.nbytes
        return value.packed.rows.input_ids.nbytes


for _kind, _coder in (
    (BadFile, RecordCoder),
    (FileCounts, RecordCoder),
    (Split, RecordCoder),
    (ReadReceipt, RecordCoder),
    (ShardReceipt, RecordCoder),
    (Part, PartCoder),
    (TokenizedPart, TokensCoder),
    (PackedPart, TokensCoder),
):
    beam.coders.registry.register_coder(_kind, _coder)
