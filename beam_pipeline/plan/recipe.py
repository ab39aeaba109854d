"""What decides a dataset's bytes besides its inputs: the options and the tokenizer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.tokenizer_source import TokenizerSource
from transforms.functional.dataset.commit import ManifestDraft
from transforms.functional.dataset.manifest import Manifest, fingerprint_of
from transforms.functional.dataset.manifest_entries import (
    Generation,
    InputEntry,
    ShardEntry,
    Subset,
)
from transforms.functional.dataset.receipts import FINGERPRINT
from transforms.functional.dataset.shards import SHARD_VERSION
from transforms.functional.errors import TokenizerError
from transforms.functional.ledger import Ledger
from transforms.functional.problem_type_names import SINGLE
from transforms.functional.records import Records
from transforms.functional.reviews.cleaning import Cleaning
from transforms.functional.rows.best_fit import BestFitLayout
from transforms.functional.rows.masking import MaskRecipe
from transforms.functional.rows.packing import BlockLayout
from transforms.functional.rows.padding import RowLayout
from transforms.functional.tokenization.words import NO_WORDS, has_words

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DatasetRecipe:
    """What a job makes of reviews, whatever it reads.

    Attributes:
        config: The job's options.
        tokenizer: The tokenizer.
        earlier: The dataset that the job adds to.
    """

    config: JobConfig
    tokenizer: TokenizerSource
    earlier: Manifest | None = None

    def __post_init__(self) -> None:
        """Check that rows have room, and that the tokenizer has what they need.

        Raises:
            TokenizerError: it has not. Rows longer than the model reads, and files that a class may
                rebuild, are a warning.
        """
        try:
            _ = self.layout, self.masks
        except ValueError as error:
            raise TokenizerError(f"--{error}") from None
        if self.config.whole_word_masking and not has_words(self.tokenizer.encoder):
            raise TokenizerError(f"{NO_WORDS}: leave --whole_word_masking out")
        if self.tokenizer.not_asked and not self.config.quiet:
            _log.warning(
                "transformers is not installed, so tokenizer.json is taken as it lies: if "
                "AutoTokenizer rebuilds a %s with other ids, training will say so",
                self.tokenizer.not_asked,
            )
        limit = self.tokenizer.model_max_length
        if limit is not None and self.config.max_length > limit and not self.config.quiet:
            _log.warning(
                "--max_length %s is more than the model_max_length %s of the tokenizer: a model "
                "with so many positions fails on such rows, or has to be made with more",
                self.config.max_length,
                limit,
            )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything but the inputs that decides the bytes."""
        return fingerprint_of(self.options, self.tokenizer.files)

    @property
    def options(self) -> dict[str, Any]:
        """The options that decide the bytes, as they were first given.

        Names at the end of `--label_names` change no byte of what was made without them.
        """
        options = self.config.dataset_options()
        first = None if self.earlier is None else self.earlier.config.get("label_names")
        if first and self.config.label_names.startswith(f"{first},"):
            options["label_names"] = first
        return options

    @property
    def subsets(self) -> tuple[Subset, ...]:
        """The subsets of the dataset."""
        two = self.config.validation_fraction > 0 or self.config.subset_from_path
        return ("train", "validation") if two else ("train",)

    @property
    def cleaning(self) -> Cleaning:
        """What is done to the text of each review."""
        config = self.config
        has_classes = config.task == "classification" and config.problem_type == SINGLE
        return Cleaning(
            strip_html=config.strip_html,
            normalize=config.normalize,
            drop_unlabelled=has_classes and not config.keep_unlabelled,
        )

    @cached_property
    def layout(self) -> BlockLayout | BestFitLayout | RowLayout:
        """How token ids become rows."""
        config, tokenizer = self.config, self.tokenizer
        if config.packing == "best_fit":
            return BestFitLayout(
                max_length=config.max_length,
                template=tokenizer.template,
                pad_id=tokenizer.need("pad", "--packing best_fit"),
            )
        if config.task == "mlm":
            pad = config.remainder == "pad"
            return BlockLayout(
                max_length=config.max_length,
                template=tokenizer.template,
                remainder=config.remainder,
                pad_id=tokenizer.need("pad", "--remainder pad") if pad else None,
                review_starts=config.review_starts,
            )
        fixed = config.padding == "max_length"
        return RowLayout(
            max_length=config.max_length,
            template=tokenizer.template,
            padding=config.padding,
            overflow=config.overflow,
            stride=config.stride,
            pad_id=tokenizer.need("pad", "--padding max_length") if fixed else None,
            padding_side=tokenizer.special.padding_side,
            truncation_side=tokenizer.special.truncation_side,
        )

    @cached_property
    def masks(self) -> MaskRecipe | None:
        """How static masks are made, None where none are."""
        config, tokenizer = self.config, self.tokenizer
        if config.masking == "dynamic":
            return None
        return MaskRecipe(
            mask_id=tokenizer.need("mask", "--masking static"),
            vocab_size=tokenizer.encoder.vocab_size,
            special_ids=tokenizer.special_ids,
            probability=config.mlm_probability,
            whole_words=config.whole_word_masking,
            seed=config.seed,
        )

    @property
    def shard_metadata(self) -> Mapping[str, str]:
        """What each shard's schema says of the dataset."""
        return {
            "review_shards.format_version": str(SHARD_VERSION),
            FINGERPRINT: self.fingerprint,
            "review_shards.tokenizer_sha256": self.tokenizer.sha256,
        }

    def n_buckets(self, plan: Plan) -> int:
        """Return how many parts a shuffle makes; 0 where the order is that of the inputs."""
        if self.config.order == "input":
            return 0
        return max(1, -(-plan.splits.text_bytes // self.config.part_bytes))

    def manifest_draft(self, plan: Plan) -> ManifestDraft:
        """Return what is known of the manifest before the job runs."""
        n_splits = len(plan.splits)
        is_first = self.options.get("label_names", "") == self.config.label_names
        manifest = Manifest(
            fingerprint=self.fingerprint,
            task=self.config.task,
            max_length=self.layout.max_length,
            config=self.options,
            tokenizer=self.tokenizer.entry(plan.tokenizer_folder),
            label_numbers=plan.labels.numbers,
            subsets={subset: Records.of(ShardEntry) for subset in self.subsets},
            ledger=Ledger(),
            inputs=Records.of(InputEntry),
            excluded=tuple(files.entry for files in plan.dedup_files if files.entry is not None),
            generations=(
                Generation(
                    number=plan.generation,
                    inputs=0,
                    splits=max(n_splits, self.n_buckets(plan)),
                    classes=None if is_first else len(self.config.classes),
                ),
            ),
        )
        return ManifestDraft(
            manifest=manifest,
            n_splits=n_splits,
            max_rejected_fraction=self.config.max_rejected_fraction,
            earlier=0 if plan.earlier is None else plan.earlier.generation,
        )
