"""What `from training import ...` gives, and what it loads."""

import re
import subprocess
import sys

import pytest

import training
from tests.paths import ROOT

PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md"))]


def test_every_public_name_can_be_imported_from_the_root() -> None:
    assert len(training.__all__) >= 11
    assert set(training.__all__) < set(dir(training))
    for name in training.__all__:
        assert getattr(training, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Unknown'"):
        _ = training.Unknown


def test_an_order_loads_no_transformers() -> None:
    script = (
        "import sys; from training import ShardDataset, ShardOrder; "
        "sys.exit('loaded it' if 'transformers' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("page", PAGES)
def test_docs_import_public_names_only(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    imports = re.findall(r"^\s*from (training[\w.]*) import (.+)$", text, re.MULTILINE)
    for module, names in imports:
        assert module == "training"
        assert set(re.split(r",\s*", names)) <= set(training.__all__)


def test_importing_the_package_loads_neither_torch_nor_transformers() -> None:
    script = (
        "import sys, training; "
        "heavy = {'torch', 'transformers', 'apache_beam'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_whole_program_never_loads_beam() -> None:
    script = (
        "import sys, training.run, training.predict; "
        "sys.exit('loaded Beam' if 'apache_beam' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
