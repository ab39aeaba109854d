"""What happens to a batch between the shards and the model: dynamic masks, and columns to drop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.reading.dataset import ShardDataset
from training.reading.row_reader import NO_EPOCH, Batch, as_batch
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.rows.masking import IGNORED, MaskRecipe, mask_blocks
from transforms.functional.tokenization.encoder import load_encoder
from transforms.functional.tokenization.words import NO_WORDS, has_words

# What a dynamic mask is made from, besides the attention mask that goes to the model.
MLM_COLUMNS = ("input_ids", "attention_mask", "word_starts", "block")


@dataclass(frozen=True)
class MlmCollator:
    """Masks a batch of blocks again in each epoch: a pure function of seed, epoch and block.

    The masks are the same for any number of workers and processes, and in epoch 0 those that the
    job writes with `--masking static` for the same seed, probability and unit.

    Args:
        recipe: What to choose and how to replace it.
        epoch: Use the masks of this epoch always, as an evaluation does; None: of the epoch that
            the rows are read in.
    """

    recipe: MaskRecipe
    epoch: int | None = None

    def __call__(self, rows: Batch | Sequence[Batch]) -> Batch:
        """Return `input_ids`, `attention_mask` and `labels`, each (n, length) int64.

        Args:
            rows: The columns `MLM_COLUMNS` of rows of one length: a batch, or one dict for each row
                from a `DataLoader` with a batch size.

        Raises:
            UsageError: nobody said in which epoch the rows are read, or it is one row, no batch.
        """
        batch = as_batch(rows)
        ids, starts = batch["input_ids"].numpy(), batch["word_starts"].numpy()
        block = batch["block"].numpy()
        if self.epoch is not None:
            block = np.column_stack([np.full(len(block), self.epoch), block[:, 1:]])
        elif block[:, 0].min(initial=0) == NO_EPOCH:
            raise UsageError(
                "nobody said in which epoch the rows are read, so each would have the same masks: "
                "call dataset.set_epoch(epoch) before each epoch, read by an ElasticSampler, or "
                "give MlmCollator(..., epoch=0) for masks that stay"
            )
        masked, labels = mask_blocks(ids, starts, block, self.recipe, label_type=np.int64)
        return {
            "input_ids": torch.from_numpy(masked),
            "attention_mask": batch["attention_mask"],
            "labels": torch.from_numpy(labels),
        }


def mask_recipe(
    dataset: ShardDataset,
    *,
    probability: float = 0.15,
    whole_words: bool = False,
    spans: bool = False,
    seed: int = 0,
) -> MaskRecipe:
    """Return the recipe for a dataset's tokenizer: its mask token, and ids never to choose.

    Raises:
        DatasetError: the tokenizer has no mask token, or whole words are asked for and it has none.
    """
    entry = dataset.manifest.tokenizer
    mask_id = entry.special_token_ids.get("mask")
    if mask_id is None:
        raise DatasetError(
            f"the tokenizer of {dataset.location.url} has no mask token, which MLM needs: name one "
            f"as mask_token in its tokenizer_config.json, and make the dataset again"
        )
    tokenizer = dataset.location.read(entry.path)
    if (whole_words or spans) and not has_words(load_encoder(tokenizer)):
        raise DatasetError(f"{NO_WORDS}: mask tokens instead")
    added = json.loads(tokenizer).get("added_tokens") or ()
    special = [token["id"] for token in added if token.get("special")]
    return MaskRecipe(
        mask_id=mask_id,
        vocab_size=entry.vocab_size,
        special_ids=entry.unmaskable_ids(special),
        probability=probability,
        whole_words=whole_words,
        spans=spans,
        seed=seed,
    )


def with_numbers(batch: Batch) -> Batch:
    """Return the batch with its classes as numbers to predict."""
    return {**batch, "labels": batch["labels"].float()}


def without_labels(batch: Batch) -> Batch:
    """Return the batch with labels that count for nothing: a process takes a step without rows.

    Any float may be a label: there are none left.
    """
    labels = batch["labels"]
    ignored = labels[:0] if labels.is_floating_point() else torch.full_like(labels, IGNORED)
    return {**batch, "labels": ignored}
