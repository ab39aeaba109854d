"""Starting: imports without garbage collection, and the allocator of Arrow."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CODE = """
import gc
from beam_pipeline.start_up import quick_imports
with quick_imports():
    during = gc.isenabled()
    import json
    if {with_beam}:
        import apache_beam
with quick_imports():
    again = gc.isenabled()
print(during, gc.isenabled(), gc.get_freeze_count() > 0, again)
"""


POOL = """
from beam_pipeline.start_up import keep_memory
keep_memory()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def _run(code: str, **variables: str) -> list[str]:
    # A test of the whole program may have made the choice for this process.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ARROW")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_garbage_is_looked_for_again_after_the_first_imports() -> None:
    assert _run(CODE.format(with_beam=False)) == ["False", "True", "True", "False"]


def test_a_process_that_has_beam_is_left_as_it_is() -> None:
    assert _run(CODE.format(with_beam=True)) == ["False", "True", "True", "True"]


def test_arrow_takes_its_memory_from_the_system_unless_the_user_says_otherwise() -> None:
    assert _run(POOL) == ["system"]
    assert _run(POOL, ARROW_DEFAULT_MEMORY_POOL="mimalloc") == ["mimalloc"]
