"""From the options to what is read: datasets, orders and collators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from training.config import DataOptions
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe, with_numbers
from training.model.review_attention import ReviewAttention, WithinReviews
from training.reading.dataset import ShardDataset
from training.reading.manifest_source import locate
from training.reading.mixed_rows import MixedRows
from training.reading.row_reader import Batch
from training.reading.row_subset import RowSource, RowSubset
from training.reading.shard_cache import ShardCache
from training.sampling.batching import LengthOrder
from training.sampling.loader import as_it_is
from training.sampling.mixture_order import MixtureOrder
from training.sampling.order import Order, ShardOrder
from training.sampling.row_draws import draw_reviews, draw_rows, set_apart
from transforms import storage
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import REGRESSION, SINGLE, ProblemType

Collator = Callable[[Batch], Batch]

_FIRST_REMOTE_SHARDS = 4


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained and evaluated on.

    Attributes:
        problem_type: What a label is, None for mlm.
        datasets: The datasets; the first one's tokenizer is everybody's.
        train: The rows to train on.
        train_parts: Those rows by dataset.
        evaluations: The rows to evaluate on; those of a mixture apart, by name; else by "".
        collate: Makes the model's inputs of a batch.
        collate_evaluation: The same with masks that do not change.
        weights: Share of each dataset.
        choices: The options that decide which samples are read, and how they are masked.
        generations: Path of each dataset's manifest below its folder; last that of the dataset to
            evaluate on, None without one.
    """

    problem_type: ProblemType | None
    datasets: list[ShardDataset]
    train: RowSource
    train_parts: list[RowSource]
    evaluations: dict[str, RowSource]
    collate: Collator
    collate_evaluation: Collator
    weights: list[float]
    choices: dict[str, Any]
    generations: list[str | None]

    @property
    def task(self) -> str:
        """`mlm` or `classification`."""
        return self.datasets[0].manifest.task

    @property
    def evaluation(self) -> RowSource | None:
        """All rows to evaluate on, None without any."""
        every = list(self.evaluations.values())
        if len(every) < 2:
            return every[0] if every else None
        return MixedRows(every, pad_id=_pad_id(self.datasets[0]))

    @property
    def evaluated_on(self) -> ShardDataset:
        """The (first) dataset that is evaluated on; that which is trained on where none is."""
        found = next(iter(self.evaluations.values()), None)
        found = found.dataset if isinstance(found, RowSubset) else found
        return found if isinstance(found, ShardDataset) else self.datasets[0]

    def contents(self) -> dict[str, str]:
        """Return the hash of each dataset's content, by its location."""
        every = [*self.datasets, self.evaluated_on]
        return {
            storage.join(each.location.url, each.location.manifest): each.manifest.content_sha256()
            for each in every
        }

    def within_reviews(self, attention: ReviewAttention) -> Data:
        """Return the same data for a model that reads each review as if it stood alone."""
        return replace(
            self,
            collate=WithinReviews(self.collate, attention),
            collate_evaluation=WithinReviews(self.collate_evaluation, attention),
        )

    def order(self, strategy: str, *, seed: int, window_shards: int, global_batch: int) -> Order:
        """Return the order of the training rows.

        Args:
            strategy: `random`, `sequential`, or `group_by_length`.
            seed: Seed of the order.
            window_shards: Shards that are shuffled together.
            global_batch: Rows in an optimizer step of all processes.
        """
        if strategy not in ("random", "sequential", "group_by_length"):
            raise UsageError(
                f"--train_sampling_strategy {strategy} is not for shards: leave it out"
            )
        orders: list[Order] = [
            ShardOrder(
                part.shard_rows,
                seed=seed + number,
                window_shards=window_shards,
                first_window_shards=self.choices["first_window_shards"],
                shuffle=strategy != "sequential",
            )
            for number, part in enumerate(self.train_parts)
        ]
        order = orders[0]
        if isinstance(self.train, MixedRows):
            order = MixtureOrder(orders, self.train, self.weights, seed=seed)
        if strategy == "group_by_length":
            order = LengthOrder(order, self.train.lengths, global_batch=global_batch, seed=seed)
        return order


def load_data(options: DataOptions, *, seed: int) -> Data:
    """Open the datasets that the options name.

    Raises:
        DatasetError: a dataset cannot be read, or they do not go together.
        UsageError: the task is not that of the datasets.
    """
    cache = ShardCache(options.cache_folder, max_bytes=int(options.cache_gb * 1e9))
    within = options.attention == "within_reviews"
    datasets = [
        _open(url, "train", options.task, cache, within_reviews=within) for url in options.dataset
    ]
    problem_type = _problem_type(options, datasets[0])
    for dataset in datasets[1:]:
        _check_alike(datasets[0], dataset)
    parts: list[RowSource] = list(datasets)
    evaluations: dict[str, RowSource] = {}
    is_set_apart = False
    for number, name in enumerate(_names(options)):
        found = _evaluation(options, datasets[number], options.dataset[number], cache, seed)
        if found is None and options.max_eval_rows:
            # There is no validation subset: rows of the training set are set apart.
            is_set_apart = True
            found, parts[number] = set_apart(
                datasets[number], options.max_eval_rows, options.max_train_rows, seed
            )
        if found is not None:
            evaluations[name] = found
    if options.max_train_rows and not is_set_apart:
        parts[0] = draw_rows(datasets[0], options.max_train_rows, seed)
    urls = [*options.dataset, options.eval_dataset]
    return Data(
        problem_type=problem_type,
        datasets=datasets,
        train=parts[0] if len(parts) == 1 else MixedRows(parts, pad_id=_pad_id(datasets[0])),
        train_parts=parts,
        evaluations=evaluations,
        collate=_collator(options, datasets[0], problem_type, seed, None),
        collate_evaluation=_collator(options, datasets[0], problem_type, seed, 0),
        weights=options.weights or [float(len(part)) for part in parts],
        choices={
            **_choices(options, datasets[0], is_set_apart=is_set_apart),
            "problem_type": problem_type,
        },
        generations=[None if url is None else locate(url).manifest for url in urls],
    )


def _pad_id(dataset: ShardDataset) -> int:
    return dataset.manifest.tokenizer.special_token_ids.get("pad", 0)


def _choices(options: DataOptions, dataset: ShardDataset, *, is_set_apart: bool) -> dict[str, Any]:
    """Return the options that decide which samples are read, and how they are masked."""
    names = ["weights", "window_shards", "max_train_rows"]
    if is_set_apart:
        names += ["max_eval_rows"]
    if "block" in dataset.columns:
        names += ["mlm_probability", "whole_word_masking", "span_masking"]
    choices = {name: getattr(options, name) for name in [*names, "attention"]}
    first = options.first_window_shards or (
        options.window_shards if dataset.is_local else _FIRST_REMOTE_SHARDS
    )
    alike = first >= options.window_shards
    return {**choices, "first_window_shards": None if alike else first}


def _problem_type(options: DataOptions, dataset: ShardDataset) -> ProblemType | None:
    """Return what a label is: what the dataset says, or numbers where its classes are asked for so.

    Raises:
        UsageError: its labels are none of that kind.
    """
    wanted, found = options.problem_type, dataset.manifest.problem_type
    if wanted in (None, found) or (wanted == REGRESSION and found == SINGLE):
        return wanted or found
    raise UsageError(
        f"--problem_type {wanted}: {dataset.location.url} was made "
        + (f"with --problem_type {found}" if found else "for mlm, without labels of reviews")
        + ": make it with the other, or leave the option out"
    )


def _names(options: DataOptions) -> list[str]:
    """Return what the datasets are called whose evaluations are reported apart.

    The last parts of their URLs, with numbers where these are not different. One dataset, or one
    to evaluate on, needs no name.
    """
    if options.eval_dataset or len(options.dataset) == 1:
        return [""]
    names = [locate(url).url.rstrip("/").rpartition("/")[2] for url in options.dataset]
    is_clear = len(set(names)) == len(names) and all(names)
    return names if is_clear else [f"{name}_{n}" for n, name in enumerate(names, 1)]


def _evaluation(
    options: DataOptions, dataset: ShardDataset, url: str, cache: ShardCache, seed: int
) -> RowSource | None:
    within, task = options.attention == "within_reviews", dataset.manifest.task
    if options.eval_dataset:
        found = _open(options.eval_dataset, "train", task, cache, within_reviews=within)
        _check_alike(dataset, found)
    elif dataset.manifest.rows("validation"):
        found = _open(url, "validation", task, cache, within_reviews=within)
    else:
        return None
    if options.max_eval_rows and options.max_eval_rows < len(found):
        return draw_reviews(found, options.max_eval_rows, seed)
    return found


def _open(
    url: str, subset: str, task: str | None, cache: ShardCache, *, within_reviews: bool
) -> ShardDataset:
    dataset = ShardDataset(url, subset, cache=cache)  # type: ignore[arg-type]
    if task is not None and dataset.manifest.task != task:
        raise UsageError(
            f"{url} was made for {dataset.manifest.task}, not for {task}: make it with "
            f"--task {task}, or train with --task {dataset.manifest.task}"
        )
    if dataset.manifest.task == "classification":
        if within_reviews:
            raise UsageError(
                "--attention within_reviews is for blocks of several reviews: with classification "
                "each row holds one; leave it out"
            )
        return dataset.with_columns(["input_ids", "attention_mask", "labels", "review"])
    columns = dataset.columns if "labels" in dataset.columns else MLM_COLUMNS
    return dataset.with_columns([*columns, *(["review_starts"] if within_reviews else [])])


def _check_alike(first: ShardDataset, other: ShardDataset) -> None:
    mine, theirs = first.manifest, other.manifest
    facts = {
        "task": (mine.task, theirs.task),
        "max_length": (mine.max_length, theirs.max_length),
        "tokenizer": (mine.tokenizer.sha256, theirs.tokenizer.sha256),
        "columns": (first.columns, other.columns),
        "problem_type": (mine.problem_type, theirs.problem_type),
        "label_numbers": (mine.label_numbers, theirs.label_numbers),
    }
    for name, (ours, others) in facts.items():
        if ours != others:
            raise DatasetError(
                f"{first.location.url} and {other.location.url} differ in {name} ({ours} and "
                f"{others}): make them with the same options to use them together"
            )


def _collator(
    options: DataOptions,
    dataset: ShardDataset,
    problem_type: ProblemType | None,
    seed: int,
    epoch: int | None,
) -> Collator:
    if "block" not in dataset.columns:
        return with_numbers if problem_type == REGRESSION else as_it_is
    recipe = mask_recipe(
        dataset,
        probability=options.mlm_probability,
        whole_words=options.whole_word_masking,
        spans=options.span_masking,
        seed=seed,
    )
    return MlmCollator(recipe, epoch=epoch)
