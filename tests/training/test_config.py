import pytest

from training.config import ModelOptions, parse_options
from training.trainer_options import TrainingOptions
from transforms.functional.errors import UsageError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "nan"], "--weights must be numbers above 0"),
        (["--weights", "-1"], "--weights must be numbers above 0"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--per_device_train_batch_size", "0"], "--per_device_train_batch_size must be at least"),
        (["--max_hours", "0"], "--max_hours must be above 0, got 0"),
        (["--enable_jit_checkpoint"], "SIGTERM saves anyway"),
        (["--label_smoothing_factor", "0.1"], "--label_smoothing_factor is not honoured: the loss"),
        (["--bf16_full_eval"], "--bf16_full_eval is not honoured: the evaluation"),
        (["--include_for_metrics", "inputs"], "--include_for_metrics is not honoured"),
        (["--remove_unused_columns", "False"], "--remove_unused_columns is not honoured"),
        (["--dataloader_drop_last"], "every row is read once an epoch"),
        (["--ignore_data_skip"], "--ignore_data_skip is not honoured: it would read other samples"),
        (["--dataloader_persistent_workers"], "goes with --dataloader_num_workers"),
        (["--save_only_model", "--resume_from_checkpoint", "last"], "leave one of them out"),
        (["--average_tokens_across_devices", "False"], "the loss is this program's own"),
        (["--eval_do_concat_batches", "False"], "--eval_do_concat_batches is not honoured"),
        (["--push_to_hub"], "--push_to_hub is not honoured: a model is complete when"),
        (["--do_eval"], "--do_eval without --do_train is not honoured"),
        (["--max_steps", "0"], "--max_steps must be at least 1, got 0"),
        (["--save_steps", "0"], "--save_steps must be above 0, got 0"),
        (["--eval_steps", "-2"], "--eval_steps must be above 0, got -2"),
        (["--seed", "4294967296"], "--seed must be at most 4294967295, got 4294967296"),
        (["--per_device_eval_batch_size", "0"], "--per_device_eval_batch_size must be at least 1"),
        (["--gradient_accumulation_steps", "0"], "--gradient_accumulation_steps must be at least"),
        (["--learning_rate", "nan"], "--learning_rate must be at least 0, got nan"),
        (["--num_train_epochs", "0"], "--num_train_epochs must be above 0, got 0"),
        (["--cache_gb", "nan"], "--cache_gb must be above 0, got nan"),
        (["--fsdp_config", "/none.json", "--fsdp"], "No such file or directory: '/none.json'"),
        (["--early_stopping_patience", "2"], "goes with --eval_strategy steps or epoch"),
        (["--revision", "main"], "--revision goes with --model_name_or_path"),
        (["--lora_r", "0"], "--lora_r must be at least 1, got 0"),
        (["--lora_alpha", "8"], "go with --lora_r"),
        (["--lora_r", "4"], "--lora_r adapts trained weights"),
    ],
)
def test_values_that_cannot_be_honoured_are_refused(options: list[str], message: str) -> None:
    line = ["--dataset", "x", "--from_config", "y", "--output_dir", "z"]
    with pytest.raises(UsageError, match=message):
        parse_options([*line, *options])


def test_several_gpus_need_a_process_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingOptions, "n_gpu", 4)
    with pytest.raises(UsageError, match="start with torchrun --nproc_per_node=4"):
        parse_options(["--dataset", "x", "--from_config", "y", "--output_dir", "z"])


def test_a_smaller_perplexity_is_better() -> None:
    line = ["--dataset", "x", "--from_config", "y", "--output_dir", "z"]
    _, _, training = parse_options([*line, "--metric_for_best_model", "perplexity"])

    assert training.greater_is_better is False


def test_adapters_need_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'review-shards\[lora\]'"):
        ModelOptions(model_name_or_path="y", lora_r=4)


def test_adapters_freeze_the_base_themselves() -> None:
    with pytest.raises(UsageError, match="--freeze_base and --lora_r exclude each other"):
        ModelOptions(model_name_or_path="y", lora_r=4, freeze_base=True)
