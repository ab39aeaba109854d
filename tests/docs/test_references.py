"""What the documents point at is there: links, paths, modules, and names in examples."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import (
    DOCUMENTS,
    anchors_of,
    files_of,
    links_of,
    modules_of,
    paths_of,
    python_blocks,
)
from tests.paths import ROOT

CODE = ("transforms", "beam_pipeline", "training", "tests", "benchmarks", "deploy")
# Files of other people's projects.
OTHERS = {"run_mlm.py"}

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def broken_links(document: Path, text: str) -> list[str]:
    broken = []
    for link in links_of(text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text("utf-8"))):
            broken.append(link)
    return broken


def missing_paths(text: str) -> list[str]:
    return [path for path in paths_of(text) if not list(ROOT.glob(path.rstrip("/")))]


def missing_files(text: str) -> list[str]:
    """Return the Python files that a text names without a folder and that are nowhere here."""
    ours = {path.name for folder in CODE for path in (ROOT / folder).rglob("*.py")}
    return [name for name in files_of(text) if name not in ours | {"setup.py"} | OTHERS]


def missing_modules(text: str) -> list[str]:
    return [name for name in modules_of(text) if not _exists(name)]


def _exists(name: str) -> bool:
    """Whether a dotted name is a module, or a member of one."""
    try:
        if importlib.util.find_spec(name):
            return True
    except ModuleNotFoundError:  # What stands before the last dot is no package.
        pass
    module, _, member = name.rpartition(".")
    return bool(module) and hasattr(importlib.import_module(module), member)


def undefined_names(code: str) -> str:
    """Return what ruff says of names that nothing defines; empty where all are defined."""
    ruff = Path(sys.executable).with_name("ruff")
    options = ["--isolated", "--select", "F821", "--output-format", "concise", "--quiet"]
    done = subprocess.run(
        [ruff, "check", *options, "-"], input=code, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@each_document
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert broken_links(document, document.read_text("utf-8")) == []


@each_document
def test_every_path_and_module_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    assert missing_paths(text) == []
    assert missing_files(text) == []
    assert missing_modules(text) == []


@pytest.mark.parametrize(
    ("document", "code"),
    [pytest.param(path, code, id=path.name) for path, code in python_blocks()],
)
def test_the_names_in_an_example_are_defined_and_can_be_imported(document: Path, code: str) -> None:
    assert undefined_names(code) == ""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{document.name}: {alias.name}"


def test_what_is_not_there_is_found() -> None:
    text = "[a](no.md) [b](README.md#no) `docs/no.md` `no.py` `transforms.no` `training.config.no`"
    assert broken_links(ROOT / "README.md", text) == ["no.md", "README.md#no"]
    assert missing_paths(text) == ["docs/no.md"]
    assert missing_files(text) == ["no.py"]
    assert missing_modules(text) == ["transforms.no", "training.config.no"]
    assert "undefined_name" in undefined_names("print(undefined_name)")


def test_what_is_there_is_found() -> None:
    text = "[a](docs/format.md#shards) `packing.py` `deploy/spark/` `training.config.parse_options`"
    assert broken_links(ROOT / "README.md", text) == []
    assert paths_of(text) == ["docs/format.md", "deploy/spark/"]
    assert missing_paths(text) == []
    assert missing_files(text) == []
    assert missing_modules(text) == []
