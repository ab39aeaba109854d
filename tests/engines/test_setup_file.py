"""`--setup_file ./setup.py`: what Beam builds of the project is all that a worker needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from apache_beam.runners.portability.stager import Stager

from tests.engines.services import ROOT, portable_services
from tests.oracle import make

PACKAGES = ("beam_pipeline", "transforms", "training")
JOB = ("--task", "mlm", "--max_length", "64", "--part_bytes", "15000", "--order", "shuffled")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source distribution, built by Beam's own step from a copy of the project."""
    copy, built = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("built")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return Path(Stager._build_setup_package(str(copy / "setup.py"), str(built)))


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_it(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        packed = {name.partition("/")[2] for name in tar.getnames()}

    files = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(files) > 100
    assert files <= packed


@pytest.mark.slow
def test_workers_that_have_only_it_make_the_same_content(archive: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(installed)]
    subprocess.run([*command, str(archive)], check=True)
    expected = make(tmp_path / "here", *JOB)

    with portable_services(tmp_path, installed) as portable:
        made = make(tmp_path / "there", *JOB, *portable.options)

    assert made.manifest.content_sha256() == expected.manifest.content_sha256()
