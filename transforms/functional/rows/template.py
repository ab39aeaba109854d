"""The tokenizer's template: the special tokens around each review."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.functional.tokenization.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class Template:
    """Ids that the tokenizer puts around one sequence, as `[CLS] ... [SEP]`."""

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return the number of special tokens a sequence gets."""
        return len(self.ids)

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the special tokens of a sequence, in order."""
        return (*self.prefix, *self.suffix)


def add_template(tokens: Tokens, template: Template) -> tuple[Tokens, npt.NDArray[np.bool_]]:
    """Return the reviews with their special tokens, and where those are.

    Returns:
        The new tokens (special ones start no word), and a (n_tokens,) bool mask of special ones.
    """
    offsets = tokens.offsets + len(template) * np.arange(len(tokens.offsets))
    special = np.zeros(offsets[-1], np.bool_)
    ids = np.empty(offsets[-1], np.uint32)
    for place, token in enumerate(template.prefix):
        special[offsets[:-1] + place] = True
        ids[offsets[:-1] + place] = token
    for place, token in enumerate(reversed(template.suffix), start=1):
        special[offsets[1:] - place] = True
        ids[offsets[1:] - place] = token
    text = ~special
    ids[text] = tokens.ids
    starts = np.zeros(offsets[-1], np.bool_)
    starts[text] = tokens.word_starts
    return Tokens(ids, starts, offsets), special
