"""Real processes: any number of them trains on the same samples, also after being killed."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForMaskedLM

from tests.training.datasets import write_mlm
from tests.training.programs import (
    arguments,
    forked,
    history,
    rows_by_step,
    torchrun,
    write_config,
)
from training.loop.checkpoints import SAMPLER_FILE

GLOBAL_BATCH = 12
STEPS_IN_EPOCH = 6  # 70 rows: five steps of 12, and one of 10.


def line(dataset: Path, folder: Path, processes: int, **options: object) -> list[str]:
    return arguments(
        dataset,
        folder / "model",
        from_config=write_config(folder),
        per_device_train_batch_size=GLOBAL_BATCH // processes,
        max_train_rows=70,
        num_train_epochs=2,
        eval_strategy="epoch",
        save_strategy="steps",
        save_steps=4,
        **options,
    )


@pytest.fixture(scope="module")
def unbroken(mlm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs on one process."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = forked(1, line(mlm, folder, 1), folder, TRACE=str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_an_unbroken_run_reads_every_row_once_an_epoch(unbroken: Path) -> None:
    steps = rows_by_step(unbroken)
    epochs = [
        [row for step in range(begin, begin + STEPS_IN_EPOCH) for row in steps[step]]
        for begin in (0, STEPS_IN_EPOCH)
    ]

    assert sorted(steps) == list(range(12))
    assert [sorted(epoch) for epoch in epochs] == [list(range(70))] * 2
    assert epochs[0] != epochs[1]


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one(
    mlm: Path, unbroken: Path, tmp_path: Path
) -> None:
    done = torchrun(2, line(mlm, tmp_path, 2), TRACE=str(tmp_path))

    assert done.returncode == 0, done.stderr
    expected = rows_by_step(unbroken)
    assert {step: sorted(rows) for step, rows in rows_by_step(tmp_path).items()} == {
        step: sorted(rows) for step, rows in expected.items()
    }
    losses = history(tmp_path / "model")
    assert len(losses) == 12
    assert losses == pytest.approx(history(unbroken / "model"), rel=1e-4)
    evaluations = history(tmp_path / "model", "eval_loss")
    assert evaluations == pytest.approx(history(unbroken / "model", "eval_loss"), rel=1e-4)
    assert evaluations[-1] < evaluations[0]


@pytest.mark.slow
def test_a_run_killed_twice_goes_on_with_other_processes_on_the_very_samples(
    mlm: Path, unbroken: Path, tmp_path: Path
) -> None:
    steps: dict[int, list[int]] = {}
    # Steps behind the last checkpoint (of step 4, then 8) were read, and are read again.
    for processes, begin, kill_at in ((2, 0, 7), (3, 4, 9), (1, 8, 12)):
        done = forked(
            processes,
            line(mlm, tmp_path, processes, resume_from_checkpoint="last"),
            tmp_path,
            TRACE=str(tmp_path),
            KILL_AT=str(kill_at),
            KILL_RANK="1",
        )
        assert (done.returncode == 0) == (kill_at == 12), done.stderr
        read = rows_by_step(tmp_path)
        assert sorted(read) == list(range(begin, kill_at))
        steps |= read
        for trace in tmp_path.glob("*.jsonl"):
            trace.unlink()
        if begin == 0:
            # What a process killed while it writes a checkpoint leaves: it is not gone on from.
            half = tmp_path / "model/checkpoint-6"
            shutil.copytree(tmp_path / "model/checkpoint-4", half)
            (half / SAMPLER_FILE).unlink()

    assert {step: sorted(rows) for step, rows in steps.items()} == {
        step: sorted(rows) for step, rows in rows_by_step(unbroken).items()
    }
    assert history(tmp_path / "model") == pytest.approx(history(unbroken / "model"), rel=1e-3)
    ours, theirs = (
        load_file(folder / "model/model.safetensors") for folder in (tmp_path, unbroken)
    )
    for name, weights in theirs.items():
        assert ours[name] == pytest.approx(weights, abs=2e-3)


@pytest.mark.slow
def test_a_signal_that_reaches_processes_at_different_times_saves_one_step_of_all(
    mlm: Path, unbroken: Path, tmp_path: Path
) -> None:
    options = {"save_steps": 100, "resume_from_checkpoint": "last", "dataloader_num_workers": 1}
    command = [*line(mlm, tmp_path, 2), *(f"--{name}={value}" for name, value in options.items())]
    stopped = torchrun(2, command, TRACE=str(tmp_path), SIGTERM_AT="6")

    assert stopped.returncode != 0
    lines = [text for text in stopped.stderr.splitlines() if text.startswith("stopped (process")]
    assert len(lines) == 2, stopped.stderr
    assert "SIGTERM; step 7 of 12 is saved" in lines[0]
    assert "exitcode  : 75" in stopped.stderr
    note = json.loads((tmp_path / "model/stopped.json").read_text())
    assert note == {"reason": "SIGTERM", "step": 7, "steps": 12}
    assert not (tmp_path / "model/model.safetensors").exists()

    done = forked(
        3,
        [*command, f"--per_device_train_batch_size={GLOBAL_BATCH // 3}"],
        tmp_path,
        TRACE=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "model/stopped.json").exists()
    assert history(tmp_path / "model") == pytest.approx(history(unbroken / "model"), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("state_dict_type", ["FULL_STATE_DICT", "SHARDED_STATE_DICT"])
def test_fsdp_has_the_losses_of_one_process_also_across_a_checkpoint(
    mlm: Path, unbroken: Path, tmp_path: Path, state_dict_type: str
) -> None:
    config = tmp_path / "fsdp.json"
    config.write_text(json.dumps({"version": 2, "state_dict_type": state_dict_type}))
    options = {"resume_from_checkpoint": "last", "fsdp_config": config}
    environment = {"TRACE": str(tmp_path), "FSDP_ON_CPU": "1"}
    killed = forked(
        2, [*line(mlm, tmp_path, 2, **options), "--fsdp"], tmp_path, **environment, KILL_AT="7"
    )
    assert killed.returncode != 0
    [checkpoint] = (tmp_path / "model").glob("checkpoint-*")
    is_sharded = (checkpoint / "pytorch_model_fsdp_0").is_dir()
    assert is_sharded == (state_dict_type == "SHARDED_STATE_DICT")

    done = forked(3, [*line(mlm, tmp_path, 3, **options), "--fsdp"], tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    losses = history(tmp_path / "model")
    assert len(losses) == 12
    # About one unit in the last place: of a loss of 8 in 32 bits that is 9.5e-7.
    assert losses == pytest.approx(history(unbroken / "model"), abs=1e-6)
    # The model at the end is whole, whatever its checkpoints are.
    ours, theirs = (
        AutoModelForMaskedLM.from_pretrained(folder / "model").state_dict()
        for folder in (tmp_path, unbroken)
    )
    for name, weights in theirs.items():
        assert ours[name].numpy() == pytest.approx(weights.numpy(), abs=1e-4)


def errors_of_two(folder: Path, options: dict[str, object], **environment: str) -> list[str]:
    """Return the error lines of a run of two processes, which must fail."""
    config = write_config(folder, max_position_embeddings=128)
    command = arguments(folder, folder / "model", **{"from_config": config, **options})
    done = forked(2, command, folder, TRACE=str(folder), **environment)
    assert done.returncode != 0
    return sorted(text for text in done.stderr.splitlines() if text.startswith("error (process"))


@pytest.mark.slow
def test_a_deleted_shard_stops_every_process_with_an_error(tmp_path: Path) -> None:
    # Its one row is read by one process only.
    dataset = write_mlm(tmp_path / "dataset", shards=40, length=128)
    victim = min((dataset / "train").iterdir(), key=lambda file: file.stat().st_size)
    victim.unlink()

    errors = errors_of_two(tmp_path, {"dataset": dataset, "per_device_train_batch_size": 4})

    assert len(errors) == 2, errors
    assert any(f"{victim.name} cannot be opened" in error for error in errors)


@pytest.mark.slow
def test_a_full_disk_stops_every_process_with_an_error(mlm: Path, tmp_path: Path) -> None:
    remote = {"dataset": f"bucket://{mlm}", "cache_folder": tmp_path / "cache"}

    errors = errors_of_two(tmp_path, remote, FULL_DISK_RANK="1")

    assert len(errors) == 2, errors
    assert "process 1 could not read its data" in errors[0]
    assert "No space left on device" in errors[1]


@pytest.mark.slow
def test_processes_with_other_options_all_stop_before_the_first_step(
    mlm: Path, tmp_path: Path
) -> None:
    errors = errors_of_two(tmp_path, {"dataset": mlm}, OTHER_OPTION="--learning_rate=0.5")

    assert len(errors) == 2, errors
    for error in errors:
        assert "process 1 has another --learning_rate (0.5) than process 0 (0.01)" in error
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.slow
def test_fewer_rows_than_processes_is_an_error_and_no_hang(mlm: Path, tmp_path: Path) -> None:
    errors = errors_of_two(tmp_path, {"dataset": mlm, "max_train_rows": 1})

    # The first process that stops may end the other before that has said the same.
    assert errors
    assert all("the dataset has 1 row for 2 processes" in error for error in errors)
