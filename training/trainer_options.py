"""Hugging Face's `TrainingArguments`, with those refused that this program cannot honour."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from transformers import TrainingArguments
from transformers.trainer_utils import IntervalStrategy

from transforms.functional.errors import UsageError

_OWN_LOSS = "the loss is this program's own"
_OWN_EVALUATION = "the evaluation is this program's own"
_OWN_BATCHES = "which rows and columns are read is this program's own"
_OTHER_SAMPLES = "it would read other samples than an unbroken run"
# Options of transformers that do nothing here, or the wrong thing, and why.
_REFUSED = {
    **dict.fromkeys(("label_smoothing_factor", "average_tokens_across_devices"), _OWN_LOSS),
    **dict.fromkeys(("bf16_full_eval", "fp16_full_eval"), _OWN_EVALUATION),
    **dict.fromkeys(("prediction_loss_only", "include_for_metrics"), _OWN_EVALUATION),
    **dict.fromkeys(("batch_eval_metrics", "eval_accumulation_steps"), _OWN_EVALUATION),
    **dict.fromkeys(("eval_use_gather_object", "eval_do_concat_batches"), _OWN_EVALUATION),
    "do_predict": "python -m training.predict does it",
    "dataloader_drop_last": "every row is read once an epoch, and the last step is smaller",
    **dict.fromkeys(("remove_unused_columns", "label_names"), _OWN_BATCHES),
    **dict.fromkeys(("length_column_name", "accelerator_config"), _OWN_BATCHES),
    **dict.fromkeys(("auto_find_batch_size", "ignore_data_skip"), _OTHER_SAMPLES),
    "dataloader_in_order": _OTHER_SAMPLES,
    "parallelism_config": "each process reads rows of its own",
    "enable_jit_checkpoint": "SIGTERM saves anyway",
    "push_to_hub": "a model is complete when the run has ended: `hf upload` its folder then",
}
# The least value of a number, and the largest.
_RANGES: dict[str, tuple[float, float]] = {
    # numpy's seeds, which transformers sets, too, have 32 bits.
    "seed": (0, 2**32 - 1),
    "data_seed": (0, 2**63 - 1),
    "per_device_train_batch_size": (1, math.inf),
    "per_device_eval_batch_size": (1, math.inf),
    "gradient_accumulation_steps": (1, math.inf),
    "dataloader_num_workers": (0, math.inf),
    "learning_rate": (0, math.inf),
    "weight_decay": (0, math.inf),
    "max_grad_norm": (0, math.inf),
    "save_total_limit": (1, math.inf),
    "early_stopping_patience": (1, math.inf),
}


@dataclass
class TrainingOptions(TrainingArguments):
    """Hugging Face's options, with a few of ours."""

    report_to: None | str | list[str] = field(  # noqa: RUF036  # As the base class has it.
        default="tensorboard" if importlib.util.find_spec("tensorboard") else "none",
        metadata={"help": "where logs go"},
    )

    max_hours: float | None = field(
        default=None,
        metadata={"help": "save and stop after so many hours, with exit code 75, as at SIGTERM"},
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={
            "help": "stop when so many evaluations in a row did not improve on the best "
            "--metric_for_best_model (default: loss)"
        },
    )

    def __post_init__(self) -> None:
        """Choose the processor, and refuse what cannot be honoured."""
        if not torch.accelerator.is_available():
            # Without it several processes on a machine with no GPU would not find each other.
            self.use_cpu = True
        for problem in self._problems():
            raise UsageError(problem)
        if self.early_stopping_patience and self.metric_for_best_model is None:
            self.metric_for_best_model = "loss"
        # The base class knows it of losses only.
        if self.greater_is_better is None and self.metric_for_best_model is not None:
            is_error = self.metric_for_best_model.endswith(("loss", "perplexity", "mse", "mae"))
            self.greater_is_better = not is_error
        super().__post_init__()  # type: ignore[no-untyped-call]
        if self.n_gpu > 1:
            raise UsageError(
                f"there are {self.n_gpu} GPUs for one process: start with torchrun "
                f"--nproc_per_node={self.n_gpu} -m training, or choose one by CUDA_VISIBLE_DEVICES"
            )

    def _problems(self) -> Iterator[str]:
        """Yield what is wrong, before the base class has changed anything."""
        for each in dataclasses.fields(self):
            factory = each.default_factory
            default = each.default if factory is dataclasses.MISSING else factory()
            if each.name in _REFUSED and getattr(self, each.name) != default:
                yield f"--{each.name} is not honoured: {_REFUSED[each.name]}; leave it out"
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and value > most:
                yield f"--{name} must be at most {most}, got {value}"
            elif value is not None and not value >= least:
                yield f"--{name} must be at least {least}, got {value}"
        if not (self.num_train_epochs > 0 or self.max_steps > 0):
            yield f"--num_train_epochs must be above 0, got {self.num_train_epochs:g}"
        if self.max_steps == 0 or self.max_steps < -1:
            yield f"--max_steps must be at least 1, got {self.max_steps}"
        for name in ("logging_steps", "eval_steps", "save_steps"):
            value = getattr(self, name)
            if value is not None and not float(value) > 0:
                yield f"--{name} must be above 0, got {value}"
        if self.do_eval and not self.do_train:
            yield "--do_eval without --do_train is not honoured: this program trains; leave it out"
        if self.dataloader_persistent_workers and not self.dataloader_num_workers:
            yield "--dataloader_persistent_workers goes with --dataloader_num_workers of 1 or more"
        if self.save_only_model and self.resume_from_checkpoint:
            yield (
                "--save_only_model saves nothing that --resume_from_checkpoint can go on from: "
                "leave one of them out"
            )
        if self.max_hours is not None and not self.max_hours > 0:
            yield f"--max_hours must be above 0, got {self.max_hours:g}"
        if self.early_stopping_patience and self.eval_strategy == IntervalStrategy.NO:
            yield "--early_stopping_patience goes with --eval_strategy steps or epoch"
