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
    assert sorted(training.__all__) == sorted(sum(training._MODULES.values(), ()))
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
