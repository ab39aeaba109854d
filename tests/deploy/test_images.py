"""The images: what hadolint says, and that their package lists are setup.py's."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, ROOT, of_kind

_DOCKERFILES = sorted((DEPLOY / "images").glob("*.Dockerfile"))
_HADOLINT = Path(sys.executable).parent / "hadolint"


@pytest.mark.parametrize("path", _DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    done = subprocess.run(
        [_HADOLINT, "--no-color", path], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN pip install torch\n")
    done = subprocess.run([_HADOLINT, bad], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "DL3007" in done.stdout


@pytest.mark.parametrize("path", _DOCKERFILES, ids=lambda path: path.name)
def test_every_copied_file_exists_and_passes_the_ignore_list(path: Path) -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", path.read_text(), re.MULTILINE)
    files = {name for line in copies for name in line.split()}
    assert files
    assert all((ROOT / name).exists() for name in files)
    lines = path.with_name(f"{path.name}.dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == files


def test_images_run_as_a_user_that_pods_name() -> None:
    users = {path.name: re.findall(r"^USER (\S+)", path.read_text(), re.M) for path in _DOCKERFILES}
    # Dataflow's own launcher writes where only root may.
    assert users == {
        "trainer.Dockerfile": ["10001:10001"],
        "worker.Dockerfile": ["10001:10001", "0"],
    }
    (job,) = of_kind("Job")
    assert job["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 10001


def test_python_is_the_same_in_all_images() -> None:
    texts = "".join(path.read_text() for path in _DOCKERFILES)
    versions = re.findall(r"^FROM \S*?python:?(\d\.?\d+)[_-]", texts, re.MULTILINE)
    assert {version.replace(".", "") for version in versions} == {"311"}
    assert len(versions) == 3


def test_the_trainer_has_all_that_training_imports_and_no_beam() -> None:
    module = runpy.run_path(str(DEPLOY / "images" / "trainer_requirements.py"))
    lines = module["trainer_requirements"]((ROOT / "setup.py").read_text(), ["train", "s3"])
    names = {re.split(r"[<>=\[ ]", line)[0] for line in lines}
    assert {"torch", "transformers", "accelerate", "pyarrow", "numpy", "fsspec", "s3fs"} <= names
    assert "apache-beam" not in names
    with pytest.raises(KeyError, match="gpu"):
        module["trainer_requirements"]((ROOT / "setup.py").read_text(), ["gpu"])
