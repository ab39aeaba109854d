"""The configuration of a job: every option of the command line, checked once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from transforms.functional.errors import UsageError

TASKS = ("mlm", "classification")
MAX_LENGTH = 1 << 20  # No model reads longer rows, and a part of them would fill the memory.

# Options that only one setting reads. Another setting refuses any value but the default, so that
# no option is passed over in silence: {option: (the option that decides, its value)}.
_ONLY_WITH = {
    "remainder": ("task", "mlm"),
    "masking": ("task", "mlm"),
    "mlm_probability": ("masking", "static"),
    "whole_word_masking": ("masking", "static"),
    "padding": ("task", "classification"),
    "overflow": ("task", "classification"),
    "label_column": ("task", "classification"),
    "label_from_path": ("task", "classification"),
    "stride": ("overflow", "windows"),
}

# Options that change how a job runs, but no byte of what it makes.
_NOT_IN_FINGERPRINT = {
    "input",
    "exclude",
    "output",
    "tokenizer",
    "max_rejected_fraction",
    "append",
    "ignore_changed",
    "overwrite",
    "dry_run",
    "quiet",
    "debug",
}


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """What to read, what to make of it, and where to put it.

    Attributes:
        input: Files, folders or globs, as paths or URLs.
        output: Folder or URL of the dataset.
        tokenizer: Folder with a `tokenizer.json`, such a file, or a name on the Hugging Face hub.
        task: `mlm`: reviews end to end in blocks; `classification`: a review a row, with labels.
        max_length: Tokens in a block or row, special tokens included.
        text_column: Column (or JSON field) with the review.
        label_column: Column (or JSON field) with the class label.
        label_from_path: Take the label from the folder of the file (`pos/`, `neg/`).
        sample_by: Plain text: a review a line, or a file (`document`) one review.
        input_format: Format of the inputs; `auto` goes by their endings.
        strip_html: Take HTML out of the reviews.
        normalize: Bring the reviews into one Unicode form.
        dedup: Keep only the first of reviews with the same text (`exact`).
        exclude: Datasets or inputs; reviews whose text stands there are left out.
        padding: Pad rows to `max_length`, or leave them ragged (`longest`) to pad when loaded.
        overflow: Cut a long review off, or give it several rows (`windows`).
        stride: Tokens that a window shares with the next.
        remainder: Drop the last tokens of a part that fill no block, or pad them.
        masking: Mask when training (`dynamic`), or once and for all in the shards (`static`).
        mlm_probability: Share of tokens that static masks choose.
        whole_word_masking: Static masks choose whole words.
        validation_fraction: Share of reviews that go to `validation`, 0 up to, not with, 1.
        seed: Seed of everything random.
        order: Keep the order of the inputs, or shuffle all reviews.
        part_bytes: Most bytes of review text in a part, from which one shard is made.
        format: `arrow` for training, `parquet` for cold storage.
        max_rejected_fraction: Share of rejected records above which the job fails.
        append: Add the inputs that are new to the dataset in `output`, as a generation.
        ignore_changed: Append also where earlier inputs have changed or vanished.
        overwrite: Replace a dataset in `output` that is another one.
        dry_run: Only say what would be done.
        quiet: Print nothing but errors.
        debug: Show tracebacks.
    """

    input: tuple[str, ...]
    output: str
    tokenizer: str
    task: Literal["mlm", "classification"]
    max_length: int = 512
    text_column: str = "text"
    label_column: str = "label"
    label_from_path: bool = False
    sample_by: Literal["line", "document"] = "line"
    input_format: Literal["auto", "text", "jsonl", "csv", "tsv", "parquet", "arrow"] = "auto"
    strip_html: bool = False
    normalize: Literal["none", "nfc"] = "none"
    dedup: Literal["none", "exact"] = "none"
    exclude: tuple[str, ...] = ()
    padding: Literal["max_length", "longest"] = "max_length"
    overflow: Literal["truncate", "windows"] = "truncate"
    stride: int = 128
    remainder: Literal["drop", "pad"] = "drop"
    masking: Literal["dynamic", "static"] = "dynamic"
    mlm_probability: float = 0.15
    whole_word_masking: bool = False
    validation_fraction: float = 0.0
    seed: int = 0
    order: Literal["input", "shuffled"] = "input"
    part_bytes: int = 32 << 20
    format: Literal["arrow", "parquet"] = "arrow"
    max_rejected_fraction: float = 0.01
    append: bool = False
    ignore_changed: bool = False
    overwrite: bool = False
    dry_run: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        """Check every value by itself, and that no option is given where nothing reads it."""
        self._check_not_empty()
        if not 1 <= self.max_length <= MAX_LENGTH:
            raise UsageError(f"--max_length must be from 1 to {MAX_LENGTH}, got {self.max_length}")
        if self.stride < 0:
            raise UsageError(f"--stride must be at least 0, got {self.stride}")
        if self.part_bytes < 1:
            raise UsageError(f"--part_bytes must be at least 1, got {self.part_bytes}")
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"--seed must be from 0 to 2**64 - 1, got {self.seed}")
        if not 0 <= self.validation_fraction < 1:
            raise UsageError(
                f"--validation_fraction must be at least 0 and below 1, "
                f"got {self.validation_fraction:g}"
            )
        if not 0 <= self.max_rejected_fraction <= 1:
            raise UsageError(
                f"--max_rejected_fraction must be from 0 to 1, got {self.max_rejected_fraction:g}"
            )
        if not 0 < self.mlm_probability <= 1:
            raise UsageError(
                f"--mlm_probability must be above 0 and at most 1, got {self.mlm_probability:g}"
            )
        if self.append and self.overwrite:
            raise UsageError("--append and --overwrite exclude each other: give one of them")
        if self.ignore_changed and not self.append:
            raise UsageError("--ignore_changed goes with --append: add it, or leave this out")
        self._check_unread_options()

    def _check_not_empty(self) -> None:
        # An unset shell variable: as a path it would mean the working folder, or the root.
        for name in ("input", "output", "tokenizer", "text_column", "label_column"):
            value = getattr(self, name)
            if not value or "" in (value if isinstance(value, tuple) else (value,)):
                raise UsageError(f"--{name} is empty: is a shell variable not set?")
        if "" in self.exclude:
            raise UsageError("--exclude is empty: is a shell variable not set?")

    def _check_unread_options(self) -> None:
        for field in fields(self):
            decider, needed = _ONLY_WITH.get(field.name, ("", ""))
            value = getattr(self, field.name)
            if decider and getattr(self, decider) != needed and value != field.default:
                given = f"--{field.name}" if value is True else f"--{field.name} {value}"
                raise UsageError(
                    f"{given} goes with --{decider} {needed}, "
                    f"got --{decider} {getattr(self, decider)}"
                )
        if self.label_from_path and self.label_column != "label":
            raise UsageError(
                f"--label_column {self.label_column} and --label_from_path exclude each other: "
                f"give one of them"
            )

    @property
    def reads_labels(self) -> bool:
        """True where labels are read from a column."""
        return self.task == "classification" and not self.label_from_path

    def dataset_options(self) -> dict[str, Any]:
        """Return the options that decide the bytes of the dataset: what the fingerprint covers."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _NOT_IN_FINGERPRINT
        }
