"""The floors of the house, and what each program loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("transforms", "beam_pipeline", "training")

# Floor: the modules on it, and what they must not import. The longest name that fits counts.
_FORBIDDEN = {
    "transforms.functional": {
        "transforms", "beam_pipeline", "training", "apache_beam", "torch", "transformers",
        "fsspec", "requests", "huggingface_hub",
    },
    "transforms": {"beam_pipeline", "training", "torch", "transformers"},
    "beam_pipeline": {"training", "torch", "transformers"},
    "training": {"transforms", "beam_pipeline", "apache_beam"},
}  # fmt: skip
_ALLOWED = {
    "transforms.functional": {"transforms.functional"},
    "training": {"transforms.functional"},
}


def _modules() -> list[Path]:
    return sorted(path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(source: str, module: str) -> Iterator[str]:
    """Yield the full names that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _floor(module: str) -> str:
    return max((floor for floor in _FORBIDDEN if _is_in(module, floor)), key=len)


def _faults(source: str, module: str) -> list[str]:
    floor = _floor(module)
    return [
        f"{module} imports {name}"
        for name in _imports(source, module)
        if any(_is_in(name, package) for package in _FORBIDDEN[floor])
        and not any(_is_in(name, package) for package in _ALLOWED.get(floor, ()))
    ]


def test_no_floor_is_broken():
    modules = _modules()
    assert len(modules) > 40
    assert {_floor(_name(path)) for path in modules} >= {"transforms.functional", "beam_pipeline"}
    assert [fault for path in modules for fault in _faults(path.read_text(), _name(path))] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transforms.functional.a", "import apache_beam as beam"),
        ("transforms.functional.a", "from transforms import storage"),
        ("transforms.functional.a", "def f():\n    import torch.nn"),
        ("transforms.functional.a", "from .. import reading"),
        ("transforms.a", "from beam_pipeline.config import JobConfig"),
        ("beam_pipeline.a", "from transformers import AutoTokenizer"),
        ("beam_pipeline.a", "import training"),
        ("training.a", "import apache_beam"),
        ("training.a", "from transforms import storage"),
    ],
)
def test_the_walk_finds_what_breaks_a_floor(module, source):
    assert len(_faults(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transforms.functional.a", "from transforms.functional.errors import InputError"),
        ("transforms.functional.a", "from transforms.functional import errors\nfrom . import b"),
        ("transforms.a", "import apache_beam\nfrom transforms import storage"),
        ("training.a", "import torch\nfrom transforms.functional import manifest"),
        ("beam_pipeline.a", "import transforms_of_others"),
    ],
)
def test_the_walk_lets_pass_what_is_allowed(module, source):
    assert _faults(source, module) == []


def test_no_module_is_named_like_one_of_the_standard_library():
    """`tokenize.py` in a folder on the path would be imported in place of the library's."""
    names = {path.stem for path in _modules()} - {"__init__", "__main__"}
    folders = {path.parent.name for path in _modules()}
    taken = (names | folders) & set(sys.stdlib_module_names)
    # `inspect` and `copy` are found only as members of a package, which is never on the path.
    assert taken <= {"inspect"}


def _loaded(code: str) -> set[str]:
    """Return the top-level names of the modules that a fresh interpreter has after `code`."""
    script = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["beam_pipeline.config", "training"])
def test_configuration_and_training_load_quickly(module):
    loaded = _loaded(f"import {module}")
    assert module.split(".")[0] in loaded
    assert not loaded & {"apache_beam", "torch", "transformers"}


def test_help_and_mistakes_in_our_own_options_load_no_beam():
    for arguments in (["--help"], ["--task", "mlm"], []):
        code = (
            "from beam_pipeline.__main__ import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
        )
        loaded = _loaded(code)
        assert "beam_pipeline" in loaded
        assert not loaded & {"apache_beam", "torch", "transformers"}


def test_help_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "beam_pipeline", "--help"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert "--max_rejected_fraction" in done.stdout
    assert "argparse" in done.stderr
    assert "apache_beam" not in done.stderr


def test_a_job_loads_neither_torch_nor_transformers(tmp_path):
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("A fine film.\n" * 20)
    arguments = [
        "--input", str(reviews), "--output", str(tmp_path / "out"), "--task", "mlm",
        "--tokenizer", str(_ROOT / "tests" / "sample" / "tokenizer"), "--max_length", "8",
        "--direct_running_mode", "in_memory",
    ]  # fmt: skip
    code = f"from beam_pipeline.__main__ import main\nassert main({arguments!r}) == 0"
    loaded = _loaded(code)
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert "apache_beam" in loaded
    assert not loaded & {"torch", "transformers"}
