"""Hugging Face's `Trainer` with our reading: whole batches, elastic order, exact evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

from training.config import TrainingOptions
from training.data import Collator, Data
from training.loop.checkpoints import DataState
from training.loop.evaluation import Evaluation, evaluate_batches
from training.loop.processes import together
from training.model.collators import silent
from training.reading.dataset import RowBatch
from training.reading.row_reader import Batch
from training.reading.row_subset import RowSource
from training.sampling.batching import LengthOrder
from training.sampling.order import ShardOrder
from training.sampling.sampler import ElasticSampler
from transforms.functional.errors import UsageError


class StepBatches(Dataset[Batch]):
    """What a `DataLoader` reads: the model's inputs of a whole batch.

    Args:
        rows: The rows.
        collate: Makes the inputs of them.
        drop: Columns that are not for the model.
    """

    def __init__(self, rows: RowSource, collate: Collator, drop: tuple[str, ...] = ()) -> None:
        """Store the options."""
        self._rows = rows
        self._collate = collate
        self._drop = drop

    def __len__(self) -> int:
        """Return the number of rows, which is what the trainer logs."""
        return len(self._rows)

    def __getitems__(self, rows: RowBatch) -> Batch:
        """Return a batch; for a process without rows one that counts for nothing."""
        batch = self._collate(self._rows[rows if len(rows) else RowBatch(_ZERO, _ZERO)])
        if not len(rows):
            batch = silent(batch)
        return {name: values for name, values in batch.items() if name not in self._drop}

    def __getitem__(self, rows: RowBatch) -> Batch:
        """Return a batch."""
        return self.__getitems__(rows)


_ZERO = np.zeros(1, np.int64)


class StepSampler(Sampler["RowBatch | None"]):
    """The batches of an epoch for a `DataLoader`, which may begin in its middle.

    When `Trainer` resumes inside an epoch it passes over batches that were trained on. They are
    not worked out, let alone read: the first `passed` items are None.
    """

    def __init__(self, sampler: ElasticSampler) -> None:
        """Store the sampler."""
        self.sampler = sampler
        self.passed = 0

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[RowBatch | None]:
        """Yield None for each batch passed over, then the sampler's."""
        passed, self.passed = self.passed, 0
        for _ in range(passed):
            yield None
        yield from self.sampler


def token_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Return the cross entropy, averaged over the labels of an optimizer step on all processes.

    The models' own losses average over their own batch; with batches of different sizes (the last
    of an epoch, or masks of different numbers) that would depend on how many processes there are.

    Args:
        outputs: The model's outputs, with `logits` (..., n_classes).
        labels: (...) int64, -100 where nothing is predicted.
        num_items_in_batch: Labels in the step on all processes, None: those given.
    """
    logits = outputs.logits
    total = cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), labels.reshape(-1), reduction="sum"
    )
    if num_items_in_batch is None:
        num_items_in_batch = labels.ne(-100).sum()
    return total / torch.clamp(torch.as_tensor(num_items_in_batch, device=total.device), min=1)


class ShardTrainer(Trainer):
    """A `Trainer` that reads shards.

    Args:
        model: The model.
        args: The training options.
        data: What to train and evaluate on.
        tokenizer: Saved beside the model.
        window_shards: Shards that are shuffled together.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingOptions,
        data: Data,
        tokenizer: PreTrainedTokenizerBase,
        *,
        window_shards: int,
    ) -> None:
        """Set the trainer up; no row is read."""
        self.data = data
        self.last_evaluation: Evaluation | None = None
        seed = args.seed if args.data_seed is None else args.data_seed
        self._global_batch = (
            args.train_batch_size * args.world_size * args.gradient_accumulation_steps
        )
        order = data.order(
            str(getattr(args, "train_sampling_strategy", "random")),
            seed=seed,
            window_shards=window_shards,
            global_batch=self._global_batch,
        )
        self._seed = seed
        sampler = ElasticSampler(
            order,
            args.train_batch_size,
            rank=args.process_index,
            world_size=args.world_size,
            fetcher=data.train,
        )
        self._batches = StepSampler(sampler)
        super().__init__(
            model=model,
            args=args,
            train_dataset=StepBatches(data.train, data.collate, drop=("review",)),
            eval_dataset=(
                None
                if data.evaluation is None
                else StepBatches(data.evaluation, data.collate_evaluation)
            ),
            processing_class=tokenizer,
            compute_loss_func=token_loss,
        )

    def get_train_dataloader(self) -> DataLoader:
        """Return the loader of this process's training batches."""
        return self._loader(self.train_dataset, self._batches)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Return the loader of this process's evaluation batches: rows of similar length."""
        rows = self.data.evaluation
        if rows is None:
            raise UsageError(
                "there is nothing to evaluate on: give --eval_dataset or --max_eval_rows, or make "
                "the dataset with --validation_fraction"
            )
        batch_size = self.args.eval_batch_size
        order = LengthOrder(
            ShardOrder(rows.shard_rows, shuffle=False),
            rows.lengths,
            global_batch=batch_size * self.args.world_size,
        )
        sampler = ElasticSampler(
            order,
            batch_size,
            rank=self.args.process_index,
            world_size=self.args.world_size,
            fetcher=rows,
        )
        return self._loader(self.eval_dataset, sampler)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Any]:
        """Return the batches of a step, and the number of labels in it on all processes."""
        batches = together(lambda: _take(epoch_iterator, num_batches), self.args.device)
        return batches, self._get_num_items_in_batch(batches, device)

    def evaluation_loop(
        self, dataloader: DataLoader, description: str, *args: Any, **options: Any
    ) -> Any:
        """Evaluate exactly: means over labels, each row once, whatever the number of processes."""
        prefix = options.get("metric_key_prefix", "eval")
        result = evaluate_batches(self, dataloader, self.data.task)
        self.last_evaluation = result
        return result.as_output(prefix)

    def _run_epoch(self, **options: Any) -> None:  # type: ignore[override]
        """Put the sampler where the epoch goes on, then run the epoch."""
        epoch, sampler = options["epoch"], self._batches.sampler
        passed = 0
        if epoch == options["epochs_trained"]:
            passed = options["steps_trained_in_current_epoch"]
        step = sampler.batch_size * sampler.world_size
        sampler.load_state_dict({"samples": epoch * len(sampler.order) + passed * step})
        self._batches.passed = passed
        super()._run_epoch(**options)  # type: ignore[no-untyped-call]

    def data_state(self) -> DataState:
        """Return where the run is in its data, by the optimizer steps taken."""
        samples = len(self._batches.sampler.order)
        steps_in_epoch = -(-samples // self._global_batch)
        epoch, step = divmod(self.state.global_step, steps_in_epoch)
        return DataState(
            samples=epoch * samples + step * self._global_batch,
            samples_in_epoch=samples,
            global_batch=self._global_batch,
            seed=self._seed,
            content_sha256=[each.manifest.content_sha256() for each in self.data.datasets],
        )

    def check_continues(self, checkpoint: str) -> None:
        """Refuse a checkpoint that was made with other samples.

        Raises:
            UsageError: it was.
        """
        self.data_state().check_continues(DataState.read(Path(checkpoint)))

    def _save_rng_state(self, output_dir: str) -> None:
        """Save the state of the data with that of the random numbers, when all have saved theirs.

        The trainer's own state is written after this: with it a checkpoint is whole.
        """
        super()._save_rng_state(output_dir)
        if dist.is_available() and dist.is_initialized():
            dist.barrier()
        if self.args.should_save:
            self.data_state().write(Path(output_dir))

    def _loader(self, dataset: Any, batches: Any) -> DataLoader:
        # Not given to `accelerator.prepare`: it would share the batches out a second time.
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=_same,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            prefetch_factor=self.args.dataloader_prefetch_factor,
        )


def _take(iterator: Iterator[Batch], n: int) -> list[Batch]:
    return list(islice(iterator, n))


def _same(batch: Any) -> Any:
    return batch
