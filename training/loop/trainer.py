"""Hugging Face's `Trainer` with our reading: whole batches, elastic order, exact evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import IntervalStrategy

from training.data import Data
from training.loop.checkpoints import DataPosition, DataState, unmark
from training.loop.evaluation import Evaluation, evaluate_batches
from training.loop.losses import n_predicted, step_loss
from training.loop.metrics import check_metric
from training.loop.processes import on_all_ranks, sum_on_all_ranks
from training.loop.step_batches import StepBatches, StepSampler
from training.loop.stopping import StopWhenAsked, heed_only_the_parent
from training.loop.throughput import Throughput
from training.model.masked_head import MaskedHead
from training.model.parameters import merge_adapters, save_adapters, without_adapters
from training.reading.mixed_rows import MixedRows
from training.reading.row_reader import Batch
from training.reading.row_subset import RowSource
from training.sampling.batching import LengthOrder
from training.sampling.loader import as_it_is
from training.sampling.mixture_order import MixtureOrder
from training.sampling.order import Order, ShardOrder
from training.sampling.sampler import ElasticSampler
from training.trainer_options import TrainingOptions
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import SINGLE


class ShardTrainer(Trainer):
    """A `Trainer` that reads shards.

    Args:
        tokenizer: Saved beside the model.
        window_shards: Shards that are shuffled together.
        stop: Says when to save and stop before the end.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingOptions,
        data: Data,
        tokenizer: PreTrainedTokenizerBase,
        *,
        window_shards: int,
        stop: StopWhenAsked,
    ) -> None:
        """Set the trainer up; no row is read."""
        _check_evaluations(args, data)
        self.data = data
        self.last_evaluations: dict[str, Evaluation] = {}
        # A graph that is compiled has fixed shapes.
        in_parts = data.task == "mlm" and not args.torch_compile
        self.masked_head = MaskedHead.of(model) if in_parts else None
        n_classes = model.config.num_labels if data.problem_type == SINGLE else None
        self._evaluations = {
            name: StepBatches(rows, data.collate_evaluation, n_classes)
            for name, rows in data.evaluations.items()
        }
        order, self._data_start = _training_order(args, data, window_shards)
        self._batches = StepSampler(self._sampler(args, order, args.train_batch_size, data.train))
        half = args.bf16 or args.fp16 or next(model.parameters()).dtype.itemsize == 2
        self._throughput = Throughput(without_adapters(model), args.device, half_precision=half)
        super().__init__(
            model=model,
            args=args,
            train_dataset=StepBatches(data.train, data.collate, n_classes),
            eval_dataset=self._evaluations.get("", self._evaluations or None),
            processing_class=tokenizer,
            compute_loss_func=partial(step_loss, problem_type=data.problem_type),
            callbacks=[stop, *self._callbacks(args)],
        )
        if args.fsdp and not self.is_fsdp_enabled:
            raise UsageError(
                "--fsdp shards a model among GPUs, and there is none: processors would each train "
                "the whole model; leave it out"
            )

    def _callbacks(self, args: TrainingOptions) -> list[TrainerCallback]:
        # The trainer removes old checkpoints before the new one is whole: this is done after it.
        position = DataPosition(self._batches, self._data_start, args.save_total_limit)
        args.save_total_limit = None
        if not args.early_stopping_patience:
            return [position, self._throughput]
        # A resumed run keeps counting.
        args.restore_callback_states_from_checkpoint = True
        stopping = EarlyStoppingCallback(args.early_stopping_patience)
        return [position, self._throughput, stopping]

    def get_train_dataloader(self) -> DataLoader:
        """Return the loader of this process's training batches."""
        # Those of an evaluation end with it: each has a loader of its own.
        keeps_workers = self.args.dataloader_persistent_workers
        return self._loader(self.train_dataset, self._batches, keeps_workers=keeps_workers)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Return the loader of this process's evaluation batches: rows of similar length."""
        # One of several is asked for by its name.
        name = eval_dataset if isinstance(eval_dataset, str) else ""
        rows = self.data.evaluations[name]
        batches = self._evaluations[name]
        batch_size = self.args.eval_batch_size
        order = LengthOrder(
            ShardOrder(rows.shard_rows, shuffle=False),
            rows.lengths,
            global_batch=batch_size * self.args.world_size,
        )
        return self._loader(batches, self._sampler(self.args, order, batch_size, rows))

    @staticmethod
    def _sampler(
        args: TrainingArguments, order: Order, batch_size: int, rows: RowSource
    ) -> ElasticSampler:
        """Return the sampler of this process's batches."""
        return ElasticSampler(
            order, batch_size, rank=args.process_index, world_size=args.world_size, fetcher=rows
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Any]:
        """Return the batches of a step, and the number of labels in it on all processes."""
        self._throughput.begin()
        batches = on_all_ranks(lambda: list(islice(epoch_iterator, num_batches)), self.args.device)
        for batch in batches:
            batch.pop("review", None)  # It is for evaluations.
        self._throughput.count(batches)
        # The base class takes a number that is -100 for a token that is not predicted.
        own = sum(n_predicted(batch["labels"]) for batch in batches)
        [n_labels] = sum_on_all_ranks([own], self.args.device)
        return batches, torch.tensor(n_labels, device=device)

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        """Return the loss; of a masked language model only predicted tokens go through the head."""
        with self._predicting(inputs["labels"]):
            return super().compute_loss(model, inputs, *args, **options)

    def _predicting(self, labels: torch.Tensor) -> AbstractContextManager[None]:
        return nullcontext() if self.masked_head is None else self.masked_head.predicting(labels)

    def evaluation_loop(
        self, dataloader: DataLoader, description: str, *args: Any, **options: Any
    ) -> Any:
        """Evaluate exactly: means over labels, each row once, whatever the number of processes."""
        prefix = options.get("metric_key_prefix", "eval")
        # As `Trainer.train` has prepared it: nothing is evaluated before.
        result = evaluate_batches(
            cast(torch.nn.Module, self.model),
            dataloader,
            self.data.problem_type,
            device=self.args.device,
            autocast=self.compute_loss_context_manager,
            predicting=self._predicting,
            after_batch=self._after_evaluation_batch,
        )
        name = prefix.removeprefix("eval").removeprefix("_")
        self.last_evaluations[name] = result
        return result.as_output(prefix)

    def _after_evaluation_batch(self) -> None:
        self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)

    def check_continues(self, checkpoint: str) -> None:
        """Refuse a checkpoint that was made with other samples.

        Raises:
            UsageError: it was.
        """
        self._data_start.check_continues(DataState.read(Path(checkpoint)))

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Save a checkpoint; one that lies there is not whole from its first new file on."""
        if self.args.should_save:
            unmark(Path(self.args.output_dir or ".", f"checkpoint-{self.state.global_step}"))
        super()._save_checkpoint(model, trial)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, and beside a training loss how fast the steps were."""
        if "loss" in logs:
            logs |= self._throughput.since_last()
        super().log(logs, start_time)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model, whole also where checkpoints of FSDP (internal calls) are in shards."""
        if not _internal_call:
            # Servers load a model by itself; the adapters are kept beside it.
            model = cast(PreTrainedModel, self.model)
            if self.args.should_save:
                save_adapters(model, Path(self.args.output_dir or ".", "adapter"))
            self.model = merge_adapters(model)
        plugin = getattr(self.accelerator.state, "fsdp_plugin", None)
        if not _internal_call and "SHARDED" in str(getattr(plugin, "state_dict_type", "")):
            self._save(output_dir, state_dict=self.accelerator.get_state_dict(self.model))
        super().save_model(output_dir, _internal_call)

    def _loader(self, dataset: Any, batches: Any, *, keeps_workers: bool = False) -> DataLoader:
        # Not given to `accelerator.prepare`: it would share the batches out a second time.
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=cast(Any, as_it_is),
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            prefetch_factor=self.args.dataloader_prefetch_factor,
            multiprocessing_context=self.args.dataloader_multiprocessing_context,
            worker_init_fn=heed_only_the_parent,
            persistent_workers=keeps_workers,
        )


def _training_order(
    args: TrainingOptions, data: Data, window_shards: int
) -> tuple[Order, DataState]:
    """Return the order of the training rows, and where a run is at its first sample."""
    seed = args.seed if args.data_seed is None else args.data_seed
    global_batch = args.train_batch_size * args.world_size * args.gradient_accumulation_steps
    strategy = str(getattr(args, "train_sampling_strategy", "random"))
    if strategy not in ("random", "sequential", "group_by_length"):
        raise UsageError(f"--train_sampling_strategy {strategy} is not for shards: leave it out")
    orders: list[Order] = [
        ShardOrder(
            part.shard_rows,
            seed=seed + number,
            window_shards=window_shards,
            first_window_shards=data.choices["first_window_shards"],
            shuffle=strategy != "sequential",
        )
        for number, part in enumerate(data.train_parts)
    ]
    order = orders[0]
    if isinstance(data.train, MixedRows):
        order = MixtureOrder(orders, data.train, data.weights, seed=seed)
    if strategy == "group_by_length":
        order = LengthOrder(order, data.train.lengths, global_batch=global_batch, seed=seed)
    return order, DataState(
        samples=0,
        samples_in_epoch=len(order),
        global_batch=global_batch,
        seed=seed,
        content_sha256=[each.manifest.content_sha256() for each in data.datasets],
        options={**data.choices, "train_sampling_strategy": strategy},
        generations=data.generations,
    )


def _check_evaluations(args: TrainingOptions, data: Data) -> None:
    """Raise `UsageError` where there is nothing to evaluate on, or no such metric."""
    if not data.evaluations and args.eval_strategy != IntervalStrategy.NO:
        raise UsageError(
            "there is nothing to evaluate on: give --eval_dataset or --max_eval_rows, or make "
            "the dataset with --validation_fraction"
        )
    if args.metric_for_best_model is not None:
        check_metric(args.metric_for_best_model, data.problem_type, list(data.evaluations))
