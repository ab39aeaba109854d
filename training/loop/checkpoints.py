"""Checkpoints: which are whole, and where in the data they were taken."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from transforms.functional.errors import UsageError

SAMPLER_FILE = "sampler.json"
_TRAINER_FILE = "trainer_state.json"


@dataclass(frozen=True, kw_only=True)
class DataState:
    """Where a run is in its data, and what that depends on.

    Attributes:
        samples: Samples read by all processes since the start: all that a sampler needs.
        samples_in_epoch: Samples of an epoch.
        global_batch: Samples in an optimizer step.
        seed: Seed of order and masks.
        content_sha256: The datasets' contents.
    """

    samples: int
    samples_in_epoch: int
    global_batch: int
    seed: int
    content_sha256: list[str]

    def write(self, folder: Path) -> None:
        """Write the state into a checkpoint."""
        (folder / SAMPLER_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> DataState:
        """Return the state in a checkpoint.

        Raises:
            UsageError: the checkpoint is not whole, or not of this program.
        """
        try:
            content = json.loads((folder / SAMPLER_FILE).read_text(encoding="utf-8"))
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
            "content_sha256": "give the same --dataset; of one that has grown, the manifest of "
            "then (DATASET/manifests/...json)",
        }
        for name, cure in cures.items():
            before, now = getattr(saved, name), getattr(self, name)
            if before != now:
                raise UsageError(
                    f"the checkpoint was made with {name} {before}, this run has {now}, so it "
                    f"would read other samples: {cure}"
                )


def resume_folder(output_dir: str, wanted: str | None) -> str | None:
    """Return the checkpoint to go on from, None to start anew.

    Args:
        output_dir: Where checkpoints are.
        wanted: None, a checkpoint's folder, or `last`: the newest whole one (none: start anew).

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

    The trainer's state is the last file that is written: a process killed before leaves none, or
    half of it.
    """
    try:
        json.loads((folder / _TRAINER_FILE).read_text(encoding="utf-8"))
        DataState.read(folder)
    except (OSError, ValueError, UsageError):
        return False
    return True
