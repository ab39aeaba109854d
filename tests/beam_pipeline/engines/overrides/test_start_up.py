"""Starting: imports without garbage collection, threads and memory."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

CODE = """
import gc
from beam_pipeline.engines.overrides.start_up import quick_imports
with quick_imports():
    during = gc.isenabled()
    import json
    if {with_beam}:
        import apache_beam
with quick_imports():
    again = gc.isenabled()
print(during, gc.isenabled(), gc.get_freeze_count() > 0, again)
"""

THREADS = """
import os
from beam_pipeline.engines.overrides.start_up import limit_library_threads
limit_library_threads()
import numpy
print(os.environ["TOKENIZERS_PARALLELISM"], len(os.listdir("/proc/self/task")))
"""

ARENAS = """
import ctypes, tempfile, threading
from beam_pipeline.engines.overrides.start_up import keep_memory
if {shared}:
    keep_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
together = threading.Barrier(4)
def take():
    together.wait()
    libc.malloc(1 << 20)
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""

POOL = """
from beam_pipeline.engines.overrides.start_up import keep_memory
keep_memory()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""

BEAMS_OPTION = """
import contextlib, io
from beam_pipeline.__main__ import main
with contextlib.redirect_stderr(io.StringIO()):
    main(["--direct_num_workers", "1"])
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def _run(code: str, **variables: str) -> list[str]:
    # A test of the whole program may have made the choice for this process.
    chosen = ("ARROW", "OPENBLAS", "TOKENIZERS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(chosen)}
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


def test_memory_is_seen_to_before_an_option_of_beam_loads_beam_and_arrow() -> None:
    assert _run(BEAMS_OPTION) == ["system"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to count threads in")
def test_libraries_start_no_threads_of_their_own_unless_the_user_says_otherwise() -> None:
    assert _run(THREADS) == ["false", "1"]
    assert _run(THREADS, TOKENIZERS_PARALLELISM="true")[0] == "true"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_the_threads_of_a_worker_share_one_arena_unless_the_user_says_otherwise() -> None:
    assert _run(ARENAS.format(shared=True)) == ["1"]
    assert _run(ARENAS.format(shared=False)) > ["1"]
    assert _run(ARENAS.format(shared=True), MALLOC_ARENA_MAX="3") > ["1"]
