"""How training starts: torchrun's own parser reads its options, the trainer's the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.distributed.run import get_args_parser

from tests.deploy.manifests import DEPLOY, arguments_of, of_kind
from tests.deploy.stubs import Stubs
from training.config import parse_options

_TRAIN = str(DEPLOY / "training" / "train.sh")
_SLURM = {
    "VENV": "/nowhere", "DATASET": "s3://bucket/shards", "MODEL": "/models/bert",
    "OUTPUT_DIR": "/models/runs/1", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_NNODES": "2",
    "SLURM_JOB_ID": "17", "SLURM_SUBMIT_DIR": "/home/user/review-shards",
}  # fmt: skip


def _container() -> dict[str, Any]:
    (job,) = of_kind("Job")
    container: dict[str, Any] = job["spec"]["template"]["spec"]["containers"][0]
    return container


def _torchrun(arguments: list[str]) -> Any:
    return get_args_parser().parse_args(arguments)


def _steps(stubs: Stubs, world_size: int, **environment: str) -> list[str]:
    """Return the arguments that the trainer gets from train.sh."""
    command = [_TRAIN, "--dataset", "s3://bucket/shards", "--output_dir", "out"]
    done = stubs.run(command, {"WORLD_SIZE": str(world_size), **environment})
    assert done.returncode == 0, done.stderr
    return stubs.calls()[-1].arguments


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_a_step_reads_the_same_number_of_rows_with_any_number_of_processes(
    tmp_path: Path, processes: int
) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("python")
    arguments = _steps(stubs, processes)
    assert arguments[:6] == [
        "-m", "training", "--dataset", "s3://bucket/shards", "--output_dir", "out",
    ]  # fmt: skip
    options = dict(zip(arguments[6::2], arguments[7::2], strict=True))
    assert options["--resume_from_checkpoint"] == "last"
    rows, steps = "--per_device_train_batch_size", "--gradient_accumulation_steps"
    assert int(options[rows]) * int(options[steps]) * processes == 256


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path: Path) -> None:
    done = Stubs(tmp_path).run([_TRAIN, "--dataset", "x"], {"WORLD_SIZE": "3"})
    assert done.returncode == 2
    assert "GLOBAL_BATCH 256 is no multiple of DEVICE_BATCH 32 times 3 processes" in done.stderr


def test_the_job_on_kubernetes_starts_what_torchrun_and_the_trainer_read(tmp_path: Path) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("python")
    container = _container()
    torchrun = _torchrun(arguments_of(container))
    assert (torchrun.training_script, torchrun.no_python) == ("train", True)
    assert (torchrun.rdzv_backend, torchrun.max_restarts) == ("c10d", 3)
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    command = [_TRAIN, *torchrun.training_script_args]
    done = stubs.run(command, {**environment, "WORLD_SIZE": "2"})
    assert done.returncode == 0, done.stderr
    data, model, training = parse_options(stubs.calls()[-1].arguments[2:])
    assert data.dataset == ["s3://your-bucket/shards/mlm"]
    assert model.model_name_or_path == "/models/distilbert-base-uncased"
    assert training.per_device_train_batch_size == 32
    assert training.save_total_limit == 3


def test_the_job_on_kubernetes_meets_at_a_name_that_exists() -> None:
    (job,) = of_kind("Job")
    (service,) = of_kind("Service")
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    torchrun = _torchrun(arguments_of(_container()))
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    port = service["spec"]["ports"][0]["port"]
    first = f"{job['metadata']['name']}-0.{service['metadata']['name']}:{port}"
    assert torchrun.rdzv_endpoint == first
    # Every number of nodes that torchrun may go on with must divide the batch.
    least, most = (int(number) for number in torchrun.nnodes.split(":"))
    assert (spec["completions"], spec["parallelism"]) == (most, most)
    environment = {entry["name"]: entry["value"] for entry in _container()["env"]}
    gpus = int(_container()["resources"]["limits"]["nvidia.com/gpu"])
    for nodes in range(least, most + 1):
        at_once = int(environment["DEVICE_BATCH"]) * gpus * nodes
        assert int(environment["GLOBAL_BATCH"]) % at_once == 0


def test_the_slurm_script_starts_what_torchrun_and_the_trainer_read(tmp_path: Path) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("scontrol", then="printf 'node1\\nnode2\\n'")
    stubs.add("srun")
    done = stubs.run(["bash", str(DEPLOY / "training" / "train.sbatch")], _SLURM)
    assert done.returncode == 0, done.stderr
    assert stubs.calls()[0].arguments == ["show", "hostnames", "node[1-2]"]
    program, *arguments = stubs.calls()[1].arguments
    torchrun = _torchrun(arguments)
    assert program == "torchrun"
    assert (torchrun.nnodes, torchrun.rdzv_endpoint, torchrun.rdzv_id) == ("2", "node1:29400", "17")
    assert torchrun.training_script == f"{_SLURM['SLURM_SUBMIT_DIR']}/deploy/training/train.sh"
    data, model, training = parse_options(torchrun.training_script_args)
    assert (data.dataset, model.model_name_or_path) == ([_SLURM["DATASET"]], _SLURM["MODEL"])
    assert training.output_dir == _SLURM["OUTPUT_DIR"]


@pytest.mark.parametrize(("stopped", "calls"), [(True, ["show", "requeue"]), (False, ["show"])])
def test_the_slurm_script_queues_a_stopped_run_again_and_no_failed_one(
    tmp_path: Path, stopped: bool, calls: list[str]
) -> None:
    stubs = Stubs(tmp_path)
    stubs.add("scontrol", then="printf 'node1\\n'")
    note = tmp_path / "model/stopped.json"
    note.parent.mkdir()
    note.write_text("{}")  # Of an earlier run: says nothing of this one.
    stubs.add("srun", then=f"{f'touch {note}; ' if stopped else ''}exit 1")
    environment = {**_SLURM, "OUTPUT_DIR": str(tmp_path / "model")}
    done = stubs.run(["bash", str(DEPLOY / "training" / "train.sbatch")], environment)
    assert done.returncode == 1
    found = [
        call.arguments[0] for call in stubs.calls() if call.arguments[0] in ("show", "requeue")
    ]
    assert found == calls
