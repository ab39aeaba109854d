"""Byte tables that say where UTF-8 text may be cut, and the cutting itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from transforms.functional.tokenization.text_arrays import UInt8Array
from transforms.functional.tokenization.tokens import BoolArray


@dataclass(frozen=True)
class CutRules:
    """How to cut the texts of one tokenizer, as tables of 256 bytes for ``bytes.translate``.

    Attributes:
        byte_class: class (0 to 15) of each byte.
        pair_cut: 1 at ``class before << 4 | class after`` where a cut is safe.
        far_before, far_after: 1 for each byte that may stand two before, or one after, the byte
            that follows the cut; None when those do not matter.
        lower: ASCII becomes lower case before anything else.
        prefix: what each review gets in front unless it starts with it.
        clean: 1 for each byte of a clean word: one that normalizer and pre-tokenizer leave as
            one word, so that only the model has to see it.
        clean_marker: what a clean word's leading space becomes for the model.
        clean_spaced: only pieces with a leading space are clean.
        clean_lower: the normalizer makes clean words lower case.
    """

    byte_class: bytes
    pair_cut: bytes
    far_before: bytes | None = None
    far_after: bytes | None = None
    lower: bool = False
    prefix: str = ""
    clean: bytes = bytes(256)
    clean_marker: str = ""
    clean_spaced: bool = False
    clean_lower: bool = False

    def __post_init__(self) -> None:
        """Check that each table has an entry for each byte."""
        for name in ("byte_class", "pair_cut", "far_before", "far_after", "clean"):
            table = getattr(self, name)
            if table is not None and len(table) != 256:
                raise ValueError(f"{name} must have 256 entries, got {len(table)}")

    @cached_property
    def sides(self) -> bytes:
        """A table that tells a cut by ``sides[before] >> 4 & sides[after]``, without a look-up.

        Each bit is one kind of bytes that may stand before a cut: those that may have the same
        classes after it.

        Raises:
            ValueError: more kinds than half a byte has bits.
        """
        may_follow = np.frombuffer(self.pair_cut, np.uint8).reshape(16, 16)
        kinds = np.unique(may_follow[may_follow.any(axis=1)], axis=0)
        if len(kinds) > 4:
            raise ValueError(f"pair_cut must have at most 4 kinds of rows, got {len(kinds)}")
        bits = 1 << np.arange(len(kinds))
        is_kind = (may_follow[:, np.newaxis] == kinds).all(axis=2)
        by_class = (is_kind @ bits) << 4 | bits @ kinds
        return bytes(by_class[np.frombuffer(self.byte_class, np.uint8)].astype(np.uint8))


def cut_mask(data: bytes, rules: CutRules) -> BoolArray:
    """Return where ``data`` may be cut.

    Args:
        data: UTF-8 text, already in lower case where the rules ask for it.

    Returns:
        (len(data),) bool, True at i when a cut between bytes i - 1 and i is safe. The first entry
        is True. Bytes outside ``data`` count as unsafe neighbours.
    """
    mask = np.ones(len(data), np.bool_)
    if not data:
        return mask
    # bytes.translate takes 0.7 ns a byte, each pass of numpy 0.1.
    sides = _bytes_view(data.translate(rules.sides))
    shared = sides[:-1] >> 4
    shared &= sides[1:]
    np.not_equal(shared, 0, out=mask[1:])
    if rules.far_before is not None:
        mask[1:2] = False
        mask[2:] &= _bytes_view(data.translate(rules.far_before))[:-2].view(np.bool_)
    if rules.far_after is not None:
        mask[-1] = False
        mask[:-1] &= _bytes_view(data.translate(rules.far_after))[1:].view(np.bool_)
    mask[0] = True
    return mask


def _bytes_view(data: bytes) -> UInt8Array:
    return np.frombuffer(data, np.uint8)


def byte_classes(bytes_of_class: Mapping[int, bytes]) -> bytes:
    """Return the table of the class (1 to 15) of each byte; bytes not named are of class 0."""
    table = bytearray(256)
    for number, members in bytes_of_class.items():
        for byte in members:
            table[byte] = number
    return bytes(table)


def byte_flags(members: bytes) -> bytes:
    """Return the table that is 1 for ``members`` and 0 elsewhere."""
    return byte_classes({1: members})


def pair_flags(pairs: Iterable[tuple[int, int]]) -> bytes:
    """Return the table that is 1 at ``before << 4 | after`` of each pair of classes."""
    return byte_flags(bytes(before << 4 | after for before, after in pairs))
