"""The floors of the house, and what each program loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import transforms
from tests.paths import ROOT

_PACKAGES = ("transforms", "beam_pipeline", "training")

# Floor: the modules on it, and what they must not import. The longest name that fits counts.
_FORBIDDEN = {
    "transforms.functional": {
        "transforms", "beam_pipeline", "training", "apache_beam", "torch", "transformers",
        "fsspec", "requests", "huggingface_hub",
    },
    "transforms.storage": {
        "transforms", "beam_pipeline", "training", "apache_beam", "torch", "transformers",
    },
    "transforms": {"beam_pipeline", "training", "torch", "transformers"},
    # One of its views is the other program's, loaded where somebody asks for it.
    "transforms.finished.views": {"beam_pipeline", "apache_beam", "torch", "transformers"},
    "beam_pipeline": {"training", "torch", "transformers"},
    # A program of its own, which the job starts in another process.
    "beam_pipeline.plan.auto_tokenizer.__main__": {
        "transforms", "beam_pipeline", "training", "apache_beam", "torch",
    },
    "training": {"transforms", "beam_pipeline", "apache_beam"},
}  # fmt: skip
_ALLOWED = {
    "transforms.functional": {"transforms.functional"},
    "transforms.storage": {"transforms.functional", "transforms.storage"},
    "training": {"transforms.functional", "transforms.storage"},
}

# What a person sees at once.
_MOST_MODULES_IN_A_FOLDER = 13


def _modules() -> list[Path]:
    return sorted(path for package in _PACKAGES for path in (ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


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
        ("transforms.a", "from beam_pipeline.options.config import JobConfig"),
        ("beam_pipeline.a", "from transformers import AutoTokenizer"),
        ("beam_pipeline.a", "import training"),
        ("training.a", "import apache_beam"),
        ("training.a", "from transforms import reading"),
        ("transforms.storage.a", "import apache_beam"),
        ("transforms.storage.a", "from transforms import coders"),
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
        ("training.a", "import torch\nfrom transforms.functional.dataset import manifest"),
        ("training.a", "from transforms import storage"),
        ("transforms.storage.a", "from transforms import storage"),
        ("beam_pipeline.a", "import transforms_of_others"),
    ],
)
def test_the_walk_lets_pass_what_is_allowed(module, source):
    assert _faults(source, module) == []


def _graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports, wherever in it; only modules of `sources`."""

    def target(name: str) -> str | None:
        # `a.b.c` is the module c of the package a.b, or something in the module a.b.
        return next((found for found in (name, name.rpartition(".")[0]) if found in sources), None)

    return {
        module: {found for name in _imports(source, module) if (found := target(name))} - {module}
        for module, source in sources.items()
    }


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle; none where there is no circle."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        found = next(
            (c for other in sorted(graph[module]) if (c := walk(other, [*path, module]))), []
        )
        done.add(module)
        return found

    return next((circle for module in sorted(graph) if (circle := walk(module, []))), [])


def test_no_modules_import_each_other_in_a_circle():
    graph = _graph({_name(path): path.read_text() for path in _modules()})
    assert sum(map(len, graph.values())) > 300
    assert _circle(graph) == []


def test_the_walk_finds_circles_also_of_types_and_inside_functions():
    sources = {
        "training.a": "from training.b import B",
        "training.b": "def f():\n    from training import c",
        "training.c": "if TYPE_CHECKING:\n    from training.a import A",
        "training.d": "from training import a",
    }
    assert _circle(_graph(sources)) == ["training.a", "training.b", "training.c", "training.a"]
    assert _circle(_graph({**sources, "training.c": ""})) == []


def _folders() -> list[Path]:
    return sorted({path.parent for path in _modules()})


def test_each_folder_says_its_purpose_in_one_line():
    for folder in _folders():
        purpose = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert purpose, f"{folder} says nothing"
        assert "\n" not in purpose, f"{folder} says more than one line"


def test_each_folder_can_be_seen_at_once():
    sizes = {
        folder: len(set(folder.glob("*.py")) - {folder / "__init__.py"}) for folder in _folders()
    }
    assert {folder: n for folder, n in sizes.items() if n > _MOST_MODULES_IN_A_FOLDER} == {}


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
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["beam_pipeline.options.config", "training"])
def test_configuration_and_training_load_quickly(module):
    loaded = _loaded(f"import {module}")
    assert module.split(".")[0] in loaded
    assert not loaded & {"apache_beam", "torch", "transformers"}


def test_public_names_load_what_they_need_and_nothing_else():
    assert not _loaded("from transforms import BlockLayout, Template") & {"apache_beam", "torch"}
    code = "from transforms import ReadReviews, TokenizeReviews, MakeRows, WriteShards"
    assert "apache_beam" in _loaded(code)


def test_every_transform_is_a_public_name():
    """Those of the package's root: a file that is moved breaks nobody's imports."""
    found = {
        node.name: _name(path)
        for path in (ROOT / "transforms").rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base) == "beam.PTransform" for base in node.bases)
    }
    assert len(found) > 10
    assert {name: getattr(transforms, name).__module__ for name in found} == found
    assert set(found) < set(transforms.__all__)
    assert all(getattr(transforms, name).__name__ == name for name in transforms.__all__)


def test_help_and_mistakes_in_our_own_options_load_no_large_library():
    for arguments in (["--help"], ["--task", "mlm"], []):
        code = (
            "from beam_pipeline.__main__ import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
        )
        loaded = _loaded(code)
        assert "beam_pipeline" in loaded
        assert not loaded & {"apache_beam", "numpy", "pyarrow", "torch", "transformers"}


def test_help_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "beam_pipeline", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert "--max_rejected_fraction" in done.stdout
    assert "argparse" in done.stderr
    assert "apache_beam" not in done.stderr


@pytest.mark.slow
def test_a_job_loads_neither_torch_nor_transformers(tmp_path):
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("A fine film.\n" * 20)
    arguments = [
        "--input", str(reviews), "--output", str(tmp_path / "out"), "--task", "mlm",
        "--tokenizer", str(ROOT / "tests" / "sample" / "tokenizer"), "--max_length", "8",
        "--direct_running_mode", "in_memory",
    ]  # fmt: skip
    code = f"from beam_pipeline.__main__ import main\nassert main({arguments!r}) == 0"
    loaded = _loaded(code)
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert "apache_beam" in loaded
    assert not loaded & {"torch", "transformers"}
