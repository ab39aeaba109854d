import dataclasses

import pytest

from beam_pipeline.options.config import JobConfig
from transforms.functional.errors import UsageError


def _config(**options: object) -> JobConfig:
    values = {"input": ("in",), "output": "out", "tokenizer": "t", "task": "classification"}
    return JobConfig(**{**values, **options})


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("max_length", 0, "--max_length must be from 1 to 1048576, got 0"),
        ("max_length", 10**12, "--max_length must be from 1 to 1048576, got 1000000000000"),
        ("part_bytes", 999, "--part_bytes must be at least 1000, about a review, got 999"),
        ("output", "memory://x", "--output must be where other processes find it, got memory://x"),
        ("seed", -1, "--seed must be from 0 to"),
        ("seed", 2**64, "--seed must be from 0 to"),
        ("validation_fraction", -0.1, "--validation_fraction must be at least 0 and below 1"),
        ("validation_fraction", 1.0, "--validation_fraction must be at least 0 and below 1"),
        ("validation_fraction", float("nan"), "--validation_fraction must be .* got nan"),
        ("max_rejected_fraction", 1.01, "--max_rejected_fraction must be from 0 to 1, got 1.01"),
        ("max_rejected_fraction", float("nan"), "--max_rejected_fraction must be"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_range(option, value, message):
    with pytest.raises(UsageError, match=message):
        _config(**{option: value})


@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_of_masked_tokens_out_of_range(value):
    with pytest.raises(UsageError, match="--mlm_probability must be above 0 and at most 1"):
        _config(task="mlm", masking="static", mlm_probability=value)


def test_a_stride_below_zero():
    with pytest.raises(UsageError, match="--stride must be at least 0, got -1"):
        _config(overflow="windows", stride=-1)


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 1},
        {"part_bytes": 1000},
        {"seed": 2**64 - 1},
        {"validation_fraction": 0.999},
        {"max_rejected_fraction": 1.0},
        {"max_rejected_fraction": 0.0},
        {"task": "mlm", "masking": "static", "mlm_probability": 1.0},
        {"overflow": "windows", "stride": 0},
    ],
)
def test_the_ends_of_each_range_belong_to_it(options):
    config = _config(**options)
    assert all(getattr(config, name) == value for name, value in options.items())


@pytest.mark.parametrize(
    ("task", "option", "value", "needs"),
    [
        ("classification", "remainder", "pad", "--task mlm"),
        ("classification", "masking", "static", "--task mlm"),
        ("classification", "packing", "best_fit", "--task mlm"),
        ("classification", "review_starts", True, "--task mlm"),
        ("classification", "mlm_probability", 0.3, "--masking static"),
        ("classification", "whole_word_masking", True, "--masking static"),
        ("mlm", "mlm_probability", 0.3, "--masking static"),
        ("mlm", "padding", "longest", "--task classification"),
        ("mlm", "overflow", "windows", "--task classification"),
        ("mlm", "label_column", "stars", "--task classification"),
        ("mlm", "label_from_path", True, "--task classification"),
        ("classification", "stride", 64, "--overflow windows"),
    ],
)
def test_an_option_that_nothing_reads_is_refused(task, option, value, needs):
    with pytest.raises(UsageError, match=rf"--{option}\b.* goes with {needs}, got --"):
        _config(task=task, **{option: value})


@pytest.mark.parametrize(
    "option", ["input", "output", "tokenizer", "text_column", "label_column", "exclude"]
)
def test_an_empty_value_is_refused(option):
    """`--output "$OUT"` with OUT not set must not write to the root of the file system."""
    with pytest.raises(UsageError, match=f"--{option} is empty: is a shell variable not set"):
        _config(**{option: ("in", "") if option == "input" else ""})


def test_a_label_comes_from_one_place():
    with pytest.raises(UsageError, match="exclude each other"):
        _config(label_column="stars", label_from_path=True)


def test_what_decides_the_bytes_is_in_the_fingerprint_and_paths_are_not():
    names = set(_config().dataset_options())
    run_only = {
        "input",
        "exclude",
        "output",
        "tokenizer",
        "max_rejected_fraction",
        "bad_files",
        "append",
        "ignore_changed",
        "ignore_vanished",
        "overwrite",
        "shared_paths",
        "expect",
        "summary",
        "metrics_file",
        "lineage",
        "log_format",
        "dry_run",
        "quiet",
        "debug",
    }
    younger = {"packing", "review_starts", "delimiter", "quoting", "escape"}
    younger |= {"label_names", "keep_unlabelled", "subset_from_path", "problem_type"}
    assert names == {field.name for field in dataclasses.fields(JobConfig)} - run_only - younger


def test_an_option_younger_than_datasets_is_in_the_fingerprint_only_where_it_changes_bytes():
    assert "packing" not in _config(task="mlm", packing="concatenate").dataset_options()
    chosen = _config(task="mlm", packing="best_fit", review_starts=True).dataset_options()
    assert (chosen["packing"], chosen["review_starts"]) == ("best_fit", True)


def test_best_fit_pads_anyway():
    with pytest.raises(UsageError, match="--remainder pad goes with --packing concatenate"):
        _config(task="mlm", packing="best_fit", remainder="pad")


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _config().seed = 1
