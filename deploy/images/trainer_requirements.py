"""Print what the trainer needs: the package list of setup.py, without Beam.

The trainer never imports Beam, but a plain `pip install '.[train]'` would bring it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path


def trainer_requirements(setup_text: str, extras: Sequence[str]) -> list[str]:
    """Return the requirements of the project and of some extras, all but Beam.

    Args:
        setup_text: setup.py, which names them in `REQUIRES` and `EXTRAS`.
        extras: Names of extras.

    Raises:
        KeyError: there is no such extra, or no such list.
    """
    lists = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(setup_text).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    wanted = [*lists["REQUIRES"], *(line for name in extras for line in lists["EXTRAS"][name])]
    return [line for line in wanted if not line.startswith("apache-beam")]


if __name__ == "__main__":
    text = Path("setup.py").read_text(encoding="utf-8")
    print("\n".join(trainer_requirements(text, sys.argv[1].split(","))))
