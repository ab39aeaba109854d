"""From the options to what is read: datasets, orders and collators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from training.config import DataOptions
from training.model.collators import MLM_COLUMNS, MlmCollator, mask_recipe, with_numbers
from training.model.review_attention import ReviewAttention, WithinReviews
from training.reading.dataset import ShardDataset
from training.reading.manifest_source import locate
from training.reading.mixed_rows import MixedRows
from training.reading.row_reader import Batch
from training.reading.row_subset import RowSource, RowSubset
from training.reading.shard_cache import ShardCache
from training.sampling.loader import as_it_is
from training.sampling.row_draws import draw_reviews, draw_rows, set_apart
from transforms import storage
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import REGRESSION, SINGLE, ProblemType

Collator = Callable[[Batch], Batch]
Subset = Literal["train", "validation"]
_Opened = Callable[[str, Subset, str | None], ShardDataset]  # Of URL, subset and task.

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
        choices: What a checkpoint's state has as `options`.
        generations: What it has as `generations`.
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
        return _joined(every, self.datasets[0]) if every else None

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


def load_data(options: DataOptions, *, seed: int) -> Data:
    """Open the datasets that the options name.

    Raises:
        DatasetError: a dataset cannot be read, or they do not go together.
        UsageError: the task is not that of the datasets.
    """
    cache = ShardCache(options.cache_folder, max_bytes=int(options.cache_gb * 1e9))
    opened = partial(_open, cache=cache, within_reviews=options.attention == "within_reviews")
    datasets = [opened(url, "train", options.task) for url in options.dataset]
    first = datasets[0]
    problem_type = _problem_type(options, first)
    for dataset in datasets[1:]:
        _check_alike(first, dataset)
    parts, evaluations, is_set_apart = _rows(options, opened, datasets, seed)
    collate, collate_evaluation = _collators(options, first, problem_type, seed)
    urls = [*options.dataset, options.eval_dataset]
    return Data(
        problem_type=problem_type,
        datasets=datasets,
        train=_joined(parts, first),
        train_parts=parts,
        evaluations=evaluations,
        collate=collate,
        collate_evaluation=collate_evaluation,
        weights=options.weights or [float(len(part)) for part in parts],
        choices=_choices(options, first, problem_type, is_set_apart=is_set_apart),
        generations=[None if url is None else locate(url).manifest for url in urls],
    )


def _open(
    url: str, subset: Subset, task: str | None, *, cache: ShardCache, within_reviews: bool
) -> ShardDataset:
    """Open a dataset with the columns that its task reads."""
    dataset = ShardDataset(url, subset, cache=cache)
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


def _rows(
    options: DataOptions, opened: _Opened, datasets: list[ShardDataset], seed: int
) -> tuple[list[RowSource], dict[str, RowSource], bool]:
    """Return the rows to train on, and to evaluate on; and whether these are of the training set.

    They are set apart from that where there is no validation subset.
    """
    parts: list[RowSource] = list(datasets)
    evaluations: dict[str, RowSource] = {}
    is_set_apart = False
    for number, name in enumerate(_names(options)):
        found = _evaluation(options, opened, datasets[number], options.dataset[number], seed)
        if found is None and options.max_eval_rows:
            is_set_apart = True
            found, parts[number] = set_apart(
                datasets[number], options.max_eval_rows, options.max_train_rows, seed
            )
        if found is not None:
            evaluations[name] = found
    if options.max_train_rows and not is_set_apart:
        parts[0] = draw_rows(datasets[0], options.max_train_rows, seed)
    return parts, evaluations, is_set_apart


def _evaluation(
    options: DataOptions, opened: _Opened, dataset: ShardDataset, url: str, seed: int
) -> RowSource | None:
    task = dataset.manifest.task
    if options.eval_dataset:
        found = opened(options.eval_dataset, "train", task)
        _check_alike(dataset, found)
    elif dataset.manifest.rows("validation"):
        found = opened(url, "validation", task)
    else:
        return None
    if options.max_eval_rows and options.max_eval_rows < len(found):
        return draw_reviews(found, options.max_eval_rows, seed)
    return found


def _joined(sources: list[RowSource], dataset: ShardDataset) -> RowSource:
    if len(sources) == 1:
        return sources[0]
    return MixedRows(sources, pad_id=dataset.manifest.tokenizer.special_token_ids.get("pad", 0))


def _choices(
    options: DataOptions,
    dataset: ShardDataset,
    problem_type: ProblemType | None,
    *,
    is_set_apart: bool,
) -> dict[str, Any]:
    """Return the options that decide which samples are read, and how they are masked."""
    names = ["weights", "window_shards", "max_train_rows", "attention"]
    if is_set_apart:
        names += ["max_eval_rows"]
    if "block" in dataset.columns:
        names += ["mlm_probability", "whole_word_masking", "span_masking"]
    choices = {name: getattr(options, name) for name in names}
    first = options.first_window_shards or (
        options.window_shards if dataset.is_local else _FIRST_REMOTE_SHARDS
    )
    choices["first_window_shards"] = None if first >= options.window_shards else first
    return {**choices, "problem_type": problem_type}


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


def _collators(
    options: DataOptions, dataset: ShardDataset, problem_type: ProblemType | None, seed: int
) -> tuple[Collator, Collator]:
    """Return the collator of training, and that of evaluations, whose masks stay."""
    if "block" not in dataset.columns:
        collate = with_numbers if problem_type == REGRESSION else as_it_is
        return collate, collate
    recipe = mask_recipe(
        dataset,
        probability=options.mlm_probability,
        whole_words=options.whole_word_masking,
        spans=options.span_masking,
        seed=seed,
    )
    return MlmCollator(recipe), MlmCollator(recipe, epoch=0)
