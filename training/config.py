"""The options of the training program, beside those of Hugging Face's `TrainingArguments`."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import HfArgumentParser, TrainingArguments

from training.reading.shard_cache import DEFAULT_CACHE_GB
from training.sampling.order import DEFAULT_WINDOW_SHARDS
from transforms.functional.errors import UsageError
from transforms.functional.reviews.problem_types import ProblemType


def _option(help_text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass
class DataOptions:
    """What to train on."""

    dataset: list[str] = field(
        default_factory=list,
        metadata={"help": "folder or URL of a dataset; several are mixed by --weights"},
    )
    task: Literal["mlm", "classification"] | None = _option(
        "what to train: mlm or classification; default: the dataset's task"
    )
    problem_type: ProblemType | None = _option(  # noqa: RUF009  # A field, as the others.
        "classification: what a label is; default: as the dataset was made. Classes are trained as "
        "numbers with regression"
    )
    weights: list[float] = field(
        default_factory=list,
        metadata={
            "help": "share of each dataset in every batch, in any unit; default: by their rows"
        },
    )
    eval_dataset: str | None = _option(
        "another dataset to evaluate on (its train subset); default: the validation subset"
    )
    max_train_rows: int | None = _option("train on this many rows only, drawn with --seed")
    max_eval_rows: int | None = _option(
        "evaluate on this many rows only, drawn with --seed; taken out of the training rows where "
        "there is no validation subset"
    )
    num_labels: int | None = _option(
        "classification: number of classes; default: counted in the dataset"
    )
    mlm_probability: float = _option("share of tokens that dynamic masks choose", 0.15)
    whole_word_masking: bool = _option("dynamic masks choose whole words", False)
    span_masking: bool = _option("dynamic masks choose spans of words, as SpanBERT's", False)
    attention: Literal["across_reviews", "within_reviews"] = _option(
        "mlm: let tokens see all of their block, or their own review only, which needs a dataset "
        "with review_starts",
        "across_reviews",
    )
    window_shards: int = _option("shards whose rows are shuffled together", DEFAULT_WINDOW_SHARDS)
    cache_folder: str | None = _option(
        "remote datasets: where shards are kept; default: ~/.cache/review-shards"
    )
    cache_gb: float = _option("remote datasets: most gigabytes in that folder", DEFAULT_CACHE_GB)

    def __post_init__(self) -> None:
        """Check every value by itself."""
        if not self.dataset:
            raise UsageError("--dataset is missing: name the folder or URL of a dataset")
        if self.weights and len(self.weights) != len(self.dataset):
            raise UsageError(
                f"--weights needs a number for each of {len(self.dataset)} datasets, "
                f"got {len(self.weights)}"
            )
        if not all(0 < weight < math.inf for weight in self.weights):
            raise UsageError(f"--weights must be numbers above 0, got {self.weights}")
        if len(self.dataset) > 1 and self.max_train_rows:
            raise UsageError("--max_train_rows goes with one --dataset: choose --weights instead")
        if self.whole_word_masking and self.span_masking:
            raise UsageError("--whole_word_masking and --span_masking exclude each other")
        for name in ("max_train_rows", "max_eval_rows", "num_labels", "window_shards"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be at least 1, got {value}")
        if not 0 < self.mlm_probability <= 1:
            raise UsageError(
                f"--mlm_probability must be above 0 and at most 1, got {self.mlm_probability:g}"
            )


@dataclass
class ModelOptions:
    """What model to train."""

    model_name_or_path: str | None = _option(
        "folder of a model, or its name on the Hugging Face hub"
    )
    from_config: str | None = _option(
        "train from scratch: folder or JSON file of a model's config.json; needs no hub"
    )
    ignore_mismatched_sizes: bool = _option(
        "start weights anew whose sizes differ, as the head of a checkpoint with another number of "
        "classes",
        False,
    )
    freeze_base: bool = _option(
        "train the head only: freeze every parameter of model.base_model", False
    )
    unfreeze: list[str] = field(
        default_factory=list,
        metadata={
            "help": r"regular expressions over names of parameters to train: 'pooler|layer\.5'"
        },
    )
    probe: list[str] = field(
        default_factory=list,
        metadata={"help": 'mlm: texts with a mask to fill in, before and after: "A great [MASK]."'},
    )

    def __post_init__(self) -> None:
        """Check that there is one model."""
        if bool(self.model_name_or_path) == bool(self.from_config):
            raise UsageError("give one of --model_name_or_path and --from_config")
        if self.unfreeze and not self.freeze_base:
            raise UsageError("--unfreeze goes with --freeze_base")


@dataclass
class TrainingOptions(TrainingArguments):
    """Hugging Face's options, with a few defaults of ours."""

    report_to: None | str | list[str] = field(  # noqa: RUF036  # As the base class has it.
        default="tensorboard" if importlib.util.find_spec("tensorboard") else "none",
        metadata={"help": "where logs go"},
    )

    max_hours: float | None = _option(
        "save and stop after so many hours, with exit code 75, as at SIGTERM"
    )

    def __post_init__(self) -> None:
        """Choose the processor, and refuse what would change batches behind the sampler's back."""
        if not torch.accelerator.is_available():
            # Without it several processes on a machine with no GPU would not find each other.
            self.use_cpu = True
        for name, least in (("seed", 0), ("data_seed", 0), ("per_device_train_batch_size", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"--{name} must be at least {least}, got {value}")
        if self.label_smoothing_factor or self.bf16_full_eval or self.fp16_full_eval:
            raise UsageError(
                "--label_smoothing_factor, --bf16_full_eval and --fp16_full_eval do nothing here: "
                "loss and evaluation are this program's own; leave them out"
            )
        if self.enable_jit_checkpoint:
            raise UsageError("--enable_jit_checkpoint: SIGTERM saves anyway; leave it out")
        if self.dataloader_drop_last:
            raise UsageError(
                "--dataloader_drop_last: every row is read once an epoch, and the last step is "
                "smaller; leave it out"
            )
        if self.dataloader_persistent_workers and not self.dataloader_num_workers:
            raise UsageError(
                "--dataloader_persistent_workers goes with --dataloader_num_workers of 1 or more"
            )
        if self.save_only_model and self.resume_from_checkpoint:
            raise UsageError(
                "--save_only_model saves nothing that --resume_from_checkpoint can go on from: "
                "leave one of them out"
            )
        if self.max_hours is not None and not self.max_hours > 0:
            raise UsageError(f"--max_hours must be above 0, got {self.max_hours:g}")
        super().__post_init__()  # type: ignore[no-untyped-call]
        if self.auto_find_batch_size or self.ignore_data_skip:
            raise UsageError(
                "--auto_find_batch_size and --ignore_data_skip would read other samples than an "
                "unbroken run: choose --per_device_train_batch_size and leave them out"
            )
        if self.n_gpu > 1:
            raise UsageError(
                f"there are {self.n_gpu} GPUs for one process: start with torchrun "
                f"--nproc_per_node={self.n_gpu} -m training, or choose one by CUDA_VISIBLE_DEVICES"
            )


Options = tuple[DataOptions, ModelOptions, TrainingOptions]


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Raises:
        UsageError: an option is unknown, misses a value, or has a wrong one.
    """
    parser = HfArgumentParser(
        (DataOptions, ModelOptions, TrainingOptions),  # type: ignore[arg-type]
        prog="python -m training",
        description="Train a model on a dataset of review shards.",
        allow_abbrev=False,
    )

    def error(message: str) -> None:
        raise UsageError(f"{message} (see --help)")

    parser.error = error  # type: ignore[method-assign,assignment]
    try:
        data, model, training = parser.parse_args_into_dataclasses(list(arguments))
    except ValueError as wrong:
        raise UsageError(" ".join(str(wrong).split())) from wrong
    return data, model, training
