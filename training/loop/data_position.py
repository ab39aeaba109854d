"""Where a run is in its data: set when an epoch begins, saved behind each checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.loop.checkpoints import DataState, remove_old_checkpoints
from training.loop.step_batches import StepSampler


class DataPosition(TrainerCallback):
    """Keeps the sampler and the checkpoints in step with the trainer.

    Args:
        batches: The batches of this process.
        start: What a run over these data depends on, at its first sample.
        save_total_limit: Checkpoints to keep, None: all.
    """

    def __init__(
        self, batches: StepSampler, start: DataState, save_total_limit: int | None
    ) -> None:
        """Store the options."""
        self._batches = batches
        self._start = start
        self._save_total_limit = save_total_limit

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Put the sampler where the epoch goes on."""
        position = self._start.after(state.global_step)
        inside = position.samples % position.samples_in_epoch
        self._batches.sampler.load_state_dict({"samples": position.samples})
        # What the trainer passes over by itself: batches of this process.
        self._batches.passed = inside // position.global_batch * args.gradient_accumulation_steps

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Write the last file of a checkpoint, when all processes have written theirs.

        Only then may an older checkpoint go.
        """
        if dist.is_available() and dist.is_initialized():
            dist.barrier()
        if not args.should_save or args.save_only_model:
            return
        folder = Path(args.output_dir or ".", f"checkpoint-{state.global_step}")
        self._start.after(state.global_step).write(folder)
        if self._save_total_limit:
            remove_old_checkpoints(
                folder.parent, self._save_total_limit, state.best_model_checkpoint
            )
