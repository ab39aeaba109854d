"""A training run: data, model, training, and what is said of it."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch.distributed as dist
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from training.config import DataOptions, Options
from training.data import Data, load_data
from training.inference.predictor import Predictor
from training.inference.preprocessing import TextPreprocessing
from training.labels import find_classes
from training.loop.checkpoints import DataState, resume_folder
from training.loop.evaluation import Evaluation
from training.loop.metrics import confusion_text
from training.loop.output_lock import OutputLock
from training.loop.processes import check_same_on_all_ranks, from_first_rank, is_alone, on_all_ranks
from training.loop.stopping import STOPPED_FILE, StopRequest, StopWhenAsked, stopped
from training.loop.trainer import ShardTrainer
from training.model.models import load_model
from training.model.parameters import choose_parameters, trainable_parameters, without_adapters
from training.model.review_attention import ReviewAttention
from training.model.tokenizer_check import check_saved_tokenizer, write_tokenizer_file
from training.rank_facts import facts_of_data, facts_of_model, facts_of_options
from training.reading.manifest_source import pin
from training.trainer_options import TrainingOptions
from transforms.functional.errors import StoppedError, UsageError
from transforms.functional.wording import counted


def run(options: Options) -> dict[str, Any]:
    """Train and evaluate, save the model, and return the metrics.

    Raises:
        ReviewShardsError: something does not fit; see the message.
    """
    lock = OutputLock(options[2].output_dir or ".")
    try:
        with StopRequest(options[2].max_hours) as request:
            metrics = _run(options, StopWhenAsked(request), lock)
    finally:
        lock.release()
    if not is_alone():
        # The model wrapped for all processes is gone by now, and nobody waits for this one: only
        # then does a process group end without a hang. After an error the system ends it.
        gc.collect()
        dist.barrier()
        dist.destroy_process_group()
    if isinstance(metrics, StoppedError):
        raise metrics
    return metrics


def _run(options: Options, stop: StopWhenAsked, lock: OutputLock) -> dict[str, Any] | StoppedError:
    data_options, model_options, training = options
    # Before anything random, as a new head's weights.
    set_seed(training.seed)
    data, checkpoint = _load_data(options, lock)
    classes = on_all_ranks(lambda: find_classes(data, data_options.num_labels), training.device)
    model, tokenizer = on_all_ranks(
        lambda: load_model(model_options, data.problem_type, data.datasets[0], classes.names),
        training.device,
    )
    check_same_on_all_ranks(facts_of_model(model))
    if data_options.attention == "within_reviews":
        data = data.within_reviews(ReviewAttention.of(model))
    model = choose_parameters(model, model_options, is_sharded=bool(training.fsdp))
    if data.evaluations and checkpoint is None and data.task == "mlm":
        # The report says what training changed. A classifier's new head knows nothing before.
        training.eval_on_start = True
    trainer = ShardTrainer(
        model, training, data, tokenizer, window_shards=data_options.window_shards, stop=stop
    )
    say = _Speaker(trainer)
    say.about(model, classes.warnings)
    unadapted = without_adapters(model)  # The same layers, adapters in them.
    say.probes(unadapted, tokenizer, model_options.probe, "before")
    if checkpoint is not None:
        trainer.check_continues(checkpoint)
    if trainer.is_world_process_zero():
        Path(training.output_dir or ".", STOPPED_FILE).unlink(missing_ok=True)
    trainer.train(resume_from_checkpoint=checkpoint)
    if stop.reason is not None:
        return stopped(training.output_dir or ".", stop.reason, trainer.state)
    metrics = _evaluate(trainer, say, classes.names) if data.evaluations else {}
    say.probes(unadapted, tokenizer, model_options.probe, "after")
    _save(trainer, metrics)
    return metrics


def _load_data(options: Options, lock: OutputLock) -> tuple[Data, str | None]:
    """Return the data, and the checkpoint to resume from, the same on all processes."""
    data_options, model_options, training = options
    device = training.device  # From here on processes can speak to each other.
    from_first_rank(lock.acquire)
    checkpoint, pinned = from_first_rank(lambda: _where_to_resume(data_options, training))
    data_options = replace(data_options, **pinned)
    check_same_on_all_ranks(facts_of_options((data_options, model_options, training)))
    seed = training.seed if training.data_seed is None else training.data_seed
    data = on_all_ranks(lambda: load_data(data_options, seed=seed), device)
    check_same_on_all_ranks(on_all_ranks(lambda: facts_of_data(data, checkpoint), device))
    return data, checkpoint


def _save(trainer: ShardTrainer, metrics: dict[str, Any]) -> None:
    """Save the model, the tokenizer of the dataset, and what was measured."""
    trainer.save_model()
    trainer.save_state()
    if trainer.args.should_save:
        folder, data = trainer.args.output_dir or ".", trainer.data
        text = json.dumps(metrics, indent=1) + "\n"
        Path(folder, "metrics.json").write_text(text, encoding="utf-8")
        write_tokenizer_file(folder, data.datasets[0])
        TextPreprocessing.of(data.evaluated_on).write(folder)
        check_saved_tokenizer(folder, data.datasets[0])


def _where_to_resume(
    options: DataOptions, training: TrainingOptions
) -> tuple[str | None, dict[str, Any]]:
    """Return the checkpoint to resume from, and the options that name datasets, pinned.

    A job may append another generation while the processes start, or before the run resumes: a
    checkpoint keeps the generations that it was made with.
    """
    folder = resume_folder(training.output_dir or ".", training.resume_from_checkpoint)
    urls = [*options.dataset, options.eval_dataset]
    then = None if folder is None else DataState.read(Path(folder)).generations
    if then is None or len(then) != len(urls):  # Of other datasets: that is refused later.
        then = [None] * len(urls)
    pinned = [
        None if url is None else pin(url, manifest)
        for url, manifest in zip(urls, then, strict=True)
    ]
    # Only the names: each node has a cache of its own.
    return folder, {"dataset": pinned[:-1], "eval_dataset": pinned[-1]}


def _evaluate(trainer: ShardTrainer, say: _Speaker, names: list[str]) -> dict[str, Any]:
    """Evaluate the trained model, and report it beside the model before; datasets by name."""
    trainer.evaluate()
    reports = {
        name: _report(trainer, name, found, say, names)
        for name, found in trainer.last_evaluations.items()
    }
    return reports.get("", reports)


def _report(
    trainer: ShardTrainer, dataset: str, found: Evaluation, say: _Speaker, names: list[str]
) -> dict[str, Any]:
    """Say and return what an evaluation found, before and after."""
    prefix = f"eval_{dataset}_" if dataset else "eval_"
    # The windows of a review are scored together.
    unit = "row" if trainer.data.task == "mlm" else "review"
    entries = [each for each in trainer.state.log_history if each["step"] == 0]
    first = {name: value for entry in entries for name, value in entry.items()}
    before = {name: first[prefix + name] for name in found.metrics if prefix + name in first}
    for name, value in found.metrics.items():
        earlier = f"{before[name]:.4f} before, " if name in before else ""
        where = f" of {dataset}" if dataset else ""
        say(f"{name}: {earlier}{value:.4f} after, on {counted(found.n_scored, unit)}{where}")
    metrics = {"before": before, "after": found.metrics, f"{unit}s": found.n_scored}
    if found.confusion is not None:
        say(confusion_text(found.confusion, names))
        metrics["confusion"] = found.confusion.tolist()
    return metrics


class _Speaker:
    """Prints, on one process only."""

    def __init__(self, trainer: ShardTrainer) -> None:
        self._trainer = trainer

    def __call__(self, text: str) -> None:
        if self._trainer.is_world_process_zero():
            print(text, flush=True)

    def about(self, model: PreTrainedModel, warnings: Sequence[str]) -> None:
        """Print what a person should know before the training begins."""
        for warning in warnings:
            self(warning)
        if self._trainer.data.task == "mlm" and self._trainer.masked_head is None:
            self(
                "the head runs on all tokens: this model, or --torch_compile, does not let it run "
                "less"
            )
        trained, total = trainable_parameters(model)
        self(f"parameters: {trained:,} of {total:,} are trained")

    def probes(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        texts: Sequence[str],
        when: str,
    ) -> None:
        """Print the likeliest fillings of the masks in the probes."""
        if not texts or self._trainer.data.task != "mlm":
            return
        if self._trainer.is_fsdp_enabled:
            self("probes need the whole model on one process: use `python -m training.predict`")
            return
        model.train(False)
        says = TextPreprocessing.of(self._trainer.data.evaluated_on)
        predictions = Predictor(model, tokenizer, says)(texts)
        for text, prediction in zip(texts, predictions, strict=True):
            if prediction.problem:
                raise UsageError(f"--probe: {prediction.problem} in {text!r}: put one in")
            words = ", ".join(f"{word} {probability:.3f}" for word, probability in prediction.found)
            self(f"{when}: {text} -> {words}")
