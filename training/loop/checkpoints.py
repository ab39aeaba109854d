"""Checkpoints: which are whole, and where in the data they were taken and go on."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.loop.processes import is_alone
from training.loop.step_batches import StepSampler
from training.sampling.order import SAMPLES_VERSION
from transforms import storage
from transforms.functional.errors import UsageError

SAMPLER_FILE = "sampler.json"  # The last file of a checkpoint that is written.


@dataclass(frozen=True, kw_only=True)
class DataState:
    """Where a run is in its data, and what that depends on.

    Attributes:
        samples: Samples read by all processes since the start: all that a sampler needs.
        samples_in_epoch: Samples of an epoch.
        global_batch: Samples in an optimizer step.
        seed: Seed of order and masks.
        content_sha256: The datasets' contents.
        options: The options that decide which samples are read, and how they are masked.
        generations: Path of each dataset's manifest below its folder; last that of the dataset to
            evaluate on, None without one.
        samples_version: Which samples the seed gives.
    """

    samples: int
    samples_in_epoch: int
    global_batch: int
    seed: int
    content_sha256: list[str]
    options: dict[str, Any]
    generations: list[str | None]
    samples_version: int = SAMPLES_VERSION

    def after(self, steps: int) -> DataState:
        """Return the state after some optimizer steps; this one is of the first sample."""
        steps_in_epoch = -(-self.samples_in_epoch // self.global_batch)
        epoch, step = divmod(steps, steps_in_epoch)
        samples = epoch * self.samples_in_epoch + step * self.global_batch
        return replace(self, samples=samples)

    def write(self, folder: Path) -> None:
        """Write the state into a checkpoint, whole or not at all, with a list of its files."""
        content = {**asdict(self), "files": _sizes(folder)}
        storage.write_atomic(str(folder / SAMPLER_FILE), json.dumps(content).encode())

    @classmethod
    def read(cls, folder: Path) -> DataState:
        """Return the state in a checkpoint.

        Raises:
            UsageError: the checkpoint is not whole, or not of this program.
        """
        try:
            content = json.loads((folder / SAMPLER_FILE).read_text(encoding="utf-8"))
            if not content["files"].items() <= _sizes(folder).items():
                raise ValueError("a file is missing, or was cut off")
            content.setdefault("samples_version", 1)
            return cls(**{field.name: content[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError):
            raise UsageError(
                f"{folder} is no whole checkpoint of this program: give another one, or "
                f"--resume_from_checkpoint last for the newest whole one in --output_dir"
            ) from None

    def check_continues(self, saved: DataState) -> None:
        """Refuse to go on from a run that read other samples.

        Raises:
            UsageError: batch size, seed or dataset changed.
        """
        cures = {
            "global_batch": "choose --per_device_train_batch_size and "
            "--gradient_accumulation_steps so that times the processes they give the same",
            "seed": "give the same --seed (and --data_seed)",
            "samples_in_epoch": "give the same data options",
            "content_sha256": "give the same --dataset",
            "samples_version": "go on with the release that made it, or start over in another "
            "--output_dir",
        }
        for name, cure in cures.items():
            before, now = getattr(saved, name), getattr(self, name)
            _check_same(name, before, now, cure)
        for name, now in self.options.items():
            _check_same(f"--{name}", saved.options.get(name), now, f"give the same --{name}")


def _check_same(name: str, before: object, now: object, cure: str) -> None:
    if before != now:
        raise UsageError(
            f"the checkpoint was made with {name} {before}, this run has {now}, so it would read "
            f"other samples: {cure}"
        )


def _sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of a checkpoint's files."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != SAMPLER_FILE]
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def resume_folder(output_dir: str, wanted: str | None) -> str | None:
    """Return the checkpoint to go on from, None to start over.

    Args:
        output_dir: Where checkpoints are.
        wanted: None, a checkpoint's folder, or `last`: the newest whole one (none: start over).

    Raises:
        UsageError: `wanted` is no whole checkpoint; or there are checkpoints that would be
            written over.
    """
    whole = [folder for folder in checkpoint_folders(output_dir) if is_whole(folder)]
    if wanted == "last":
        return str(whole[-1]) if whole else None
    if wanted is not None:
        DataState.read(Path(wanted))
        return wanted
    if whole:
        raise UsageError(
            f"{output_dir} has checkpoints of an earlier run: go on with --resume_from_checkpoint "
            f"last, or choose another --output_dir"
        )
    return None


def checkpoint_folders(output_dir: str) -> list[Path]:
    """Return the checkpoint folders, the oldest first."""
    found = [
        (int(folder.name.rpartition("-")[2]), folder)
        for folder in Path(output_dir).glob("checkpoint-*")
        if folder.name.rpartition("-")[2].isdecimal()
    ]
    return [folder for _, folder in sorted(found)]


def is_whole(folder: Path) -> bool:
    """Return True for a checkpoint that was written to its end.

    Where the run was in its data is written last, and atomically: a process killed before leaves
    a checkpoint without it. It lists the other files, so that half a copy is found out, too.
    """
    try:
        DataState.read(folder)
    except UsageError:
        return False
    return True


@dataclass(eq=False)
class DataPosition(TrainerCallback):
    """Keeps the sampler and the checkpoints in step with the trainer.

    Attributes:
        batches: The batches of this process.
        start: What a run over these data depends on, at its first sample.
        save_total_limit: Checkpoints to keep, None: all.
    """

    batches: StepSampler
    start: DataState
    save_total_limit: int | None

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Put the sampler where the epoch goes on."""
        position = self.start.after(state.global_step)
        inside = position.samples % position.samples_in_epoch
        self.batches.sampler.load_state_dict({"samples": position.samples})
        # What the trainer passes over by itself: batches of this process.
        self.batches.passed = inside // position.global_batch * args.gradient_accumulation_steps

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Write the last file of a checkpoint, when all processes have written theirs.

        Only then may an older checkpoint go.
        """
        if not is_alone():
            dist.barrier()
        if not args.should_save or args.save_only_model:
            return
        folder = Path(args.output_dir or ".", f"checkpoint-{state.global_step}")
        self.start.after(state.global_step).write(folder)
        if self.save_total_limit:
            _remove_old(folder.parent, self.save_total_limit, state.best_model_checkpoint)


def _remove_old(output_dir: Path, limit: int, best: str | None) -> None:
    """Remove the oldest whole checkpoints until `limit` are left; the best one stays."""
    whole = [folder for folder in checkpoint_folders(str(output_dir)) if is_whole(folder)]
    best_folder = Path(best) if best else None
    old = [folder for folder in whole[:-1] if folder != best_folder]
    for folder in old[: max(0, len(whole) - limit)]:
        unmark(folder)
        shutil.rmtree(folder)


def unmark(folder: Path) -> None:
    """Make a checkpoint one that is not whole, if it is there, before its files change."""
    (folder / SAMPLER_FILE).unlink(missing_ok=True)
