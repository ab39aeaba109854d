"""The model and its tokenizer: loaded, or made from a config, and checked against the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.config import ModelOptions
from training.model.pretrained import (
    load_config,
    load_tokenizer,
    load_weights,
    longest_input,
    new_model,
)
from training.model.tokenizer_check import (
    check_same_tokenizer,
    check_type_of_model,
    dataset_tokenizer,
)
from training.reading.dataset import ShardDataset
from transforms.functional.errors import DatasetError, UsageError
from transforms.functional.problem_type_names import REGRESSION, ProblemType


def load_model(
    options: ModelOptions,
    problem_type: ProblemType | None,
    dataset: ShardDataset,
    label_names: list[str],
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a model for the task, and the dataset's tokenizer.

    Args:
        problem_type: What a label is, None for mlm.
        label_names: Names of the classes, in order; empty where there are none.

    Raises:
        UsageError: there is no such model or config.
        DatasetError: the dataset does not fit the model.
    """
    task = "mlm" if problem_type is None else "classification"
    settings = _label_settings(problem_type, label_names)
    how: dict[str, Any] = {"dtype": options.dtype}
    if options.attn_implementation:
        how["attn_implementation"] = options.attn_implementation
    load = _from_config if options.from_config else _trained
    model = load(options, task, dataset, settings, how)
    check_fits(model, dataset)
    tokenizer = dataset_tokenizer(dataset)
    places = longest_input(model)
    if places is not None:
        # Whoever loads the saved tokenizer cuts texts off by this.
        tokenizer.model_max_length = min(tokenizer.model_max_length, places)
    return model, tokenizer


def _label_settings(problem_type: ProblemType | None, label_names: list[str]) -> dict[str, Any]:
    """Return the fields of a config that say what a model predicts."""
    if problem_type is None:
        return {}
    if problem_type == REGRESSION:
        return {"problem_type": problem_type, "num_labels": 1}
    return {
        "problem_type": problem_type,
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def check_fits(model: PreTrainedModel, dataset: ShardDataset) -> None:
    """Refuse a dataset with ids or rows that are too large for the model.

    Raises:
        DatasetError: they are.
    """
    n_ids: int = model.get_input_embeddings().num_embeddings  # type: ignore[assignment]
    vocab_size = dataset.manifest.tokenizer.vocab_size
    if n_ids < vocab_size:
        raise DatasetError(
            f"the model knows {n_ids} ids, the dataset {dataset.location.url} has ids up to "
            f"{vocab_size - 1}: make it with the model's tokenizer, or choose another model"
        )
    places = longest_input(model)
    if places is not None and places < dataset.max_length:
        raise DatasetError(
            f"the model reads {places} tokens at once, rows of {dataset.location.url} have up to "
            f"{dataset.max_length}: make it with --max_length {places}"
        )


def _trained(
    options: ModelOptions,
    task: str,
    dataset: ShardDataset,
    settings: dict[str, Any],
    how: dict[str, Any],
) -> PreTrainedModel:
    name, option = options.model_name_or_path or "", "--model_name_or_path"
    if options.revision and Path(name).exists():
        raise UsageError(f"--revision goes with a name on the hub, and {name} is a folder")
    theirs = load_tokenizer(name, option, options.revision)
    check_same_tokenizer(dataset, theirs, name)
    settings["ignore_mismatched_sizes"] = options.ignore_mismatched_sizes
    settings["revision"] = options.revision
    return load_weights(name, option, task, **settings, **how)


def _from_config(
    options: ModelOptions,
    task: str,
    dataset: ShardDataset,
    settings: dict[str, Any],
    how: dict[str, Any],
) -> PreTrainedModel:
    path, entry = options.from_config or "", dataset.manifest.tokenizer
    if not Path(path).exists():
        raise UsageError(f"--from_config {path}: there is no such folder or file")
    config = load_config(path, "--from_config", **settings)
    check_type_of_model(config, dataset, path)
    # A new model is made for the dataset's ids; only a trained one brings its own.
    config.vocab_size = entry.vocab_size
    if "pad" in entry.special_token_ids:
        config.pad_token_id = entry.special_token_ids["pad"]
    if how["dtype"] == "auto":  # There is nothing that was saved.
        how = {**how, "dtype": "float32"}
    return new_model(config, task, "--from_config", path, **how)
