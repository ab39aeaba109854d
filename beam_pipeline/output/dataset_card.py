"""Writing the dataset card, without touching one that somebody else wrote."""

from __future__ import annotations

import logging

from transforms import storage
from transforms.functional.dataset.card import CARD_NAME, card_text
from transforms.functional.dataset.manifest import Manifest

_logger = logging.getLogger(__name__)


def write_card(output: str, manifest: Manifest | None) -> None:
    """Write or renew the card of a dataset; one that no job wrote is left as it is, and said.

    Args:
        manifest: The dataset; None while there is none.
    """
    path = storage.join(output, CARD_NAME)
    content = storage.read_if_there(path)
    old = None if content is None else content.decode(errors="replace")
    text = card_text(manifest, old)
    if text is None:
        _logger.warning(
            "%s was not written by a job and stays as it is, so load_dataset(%r) may read rows "
            "that are not committed: move it away, and the next run writes a dataset card there",
            storage.mask_secrets(path),
            storage.mask_secrets(output),
        )
    elif text != old:
        storage.write_atomic(path, text.encode())
