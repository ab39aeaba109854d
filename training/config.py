"""The options of the training program: data, model, and those of the trainer."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from transformers import HfArgumentParser

from training.reading.shard_cache import DEFAULT_CACHE_GB
from training.sampling.order import DEFAULT_WINDOW_SHARDS
from training.trainer_options import TrainingOptions
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import ProblemType


def _option(help_text: str, default: Any = None) -> Any:
    metadata = {"help": help_text}
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class DataOptions:
    """What to train on."""

    dataset: list[str] = _option("folder or URL of a dataset; several are mixed by --weights", [])
    task: Literal["mlm", "classification"] | None = _option(
        "what to train: mlm or classification; default: the dataset's task"
    )
    problem_type: ProblemType | None = _option(
        "classification: what a label is; default: as the dataset was made. Classes are trained as "
        "numbers with regression"
    )
    weights: list[float] = _option(
        "share of each dataset in every batch, in any unit; default: by their rows", []
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
    first_window_shards: int | None = _option(
        "shards that are shuffled together first, after which windows double: training begins when "
        "these are there; default: 4 of a remote dataset, --window_shards of a local one"
    )
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
        counts = ("max_train_rows", "max_eval_rows", "num_labels")
        for name in (*counts, "window_shards", "first_window_shards"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be at least 1, got {value}")
        if not 0 < self.cache_gb < math.inf:
            raise UsageError(f"--cache_gb must be above 0, got {self.cache_gb:g}")
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
    revision: str | None = _option("branch, tag or commit of a model on the hub")
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = _option(
        "type of the weights that are trained, auto: as they were saved; --bf16 computes in "
        "bfloat16 and keeps weights of 32 bits",
        "float32",
    )
    attn_implementation: str | None = _option(
        "sdpa, eager, flash_attention_2, ...; default: the fastest that transformers has here"
    )
    ignore_mismatched_sizes: bool = _option(
        "initialize weights of other sizes, as those of a head with another number of classes",
        False,
    )
    freeze_base: bool = _option(
        "train the head only: freeze every parameter of model.base_model", False
    )
    unfreeze: list[str] = _option(
        r"regular expressions over names of parameters to train: 'pooler|layer\.5'", []
    )
    lora_r: int | None = _option(
        "train low-rank adapters of this rank, merged into the model at the end; needs peft"
    )
    lora_alpha: int | None = _option("scale of the adapters; default: twice --lora_r")
    lora_dropout: float = _option("dropout before the adapters", 0.0)
    lora_target_modules: list[str] = _option(
        "names of layers that get adapters; default: all linear ones", []
    )
    probe: list[str] = _option(
        'mlm: texts with a mask to fill in, before and after: "A great [MASK]."', []
    )

    def __post_init__(self) -> None:
        """Check that there is one model."""
        if bool(self.model_name_or_path) == bool(self.from_config):
            raise UsageError("give one of --model_name_or_path and --from_config")
        if self.unfreeze and not self.freeze_base:
            raise UsageError("--unfreeze goes with --freeze_base")
        if self.revision and self.from_config:
            raise UsageError("--revision goes with --model_name_or_path")
        self._check_lora()

    def _check_lora(self) -> None:
        if self.lora_r is None:
            if self.lora_alpha is not None or self.lora_dropout or self.lora_target_modules:
                raise UsageError("--lora_alpha, --lora_dropout and the like go with --lora_r")
            return
        if self.lora_r < 1:
            raise UsageError(f"--lora_r must be at least 1, got {self.lora_r}")
        if not 0 <= self.lora_dropout < 1:
            raise UsageError(
                f"--lora_dropout must be at least 0 and below 1, got {self.lora_dropout:g}"
            )
        if self.from_config:
            raise UsageError("--lora_r adapts trained weights: give --model_name_or_path")
        if self.freeze_base:
            raise UsageError("--freeze_base and --lora_r exclude each other: adapters freeze it")
        if importlib.util.find_spec("peft") is None:
            raise UsageError("--lora_r needs peft: pip install 'review-shards[lora]'")


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
    except (ValueError, OSError, ImportError) as wrong:
        raise UsageError(" ".join(str(wrong).split())) from wrong
    return data, model, training
