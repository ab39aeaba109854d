"""One process at a time: a holder is left alone, a dead one is not waited for."""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transforms.functional.errors import OutputError
from transforms.storage import lease as module
from transforms.storage.lease import LEASE_NAME, lease


def held_by(output: Path, **changes: object) -> Path:
    """Write the lease of another process."""
    path = output / LEASE_NAME
    holder = json.loads(module._content("other", 0)) | changes
    path.write_text(json.dumps(holder))
    return path


def test_the_file_is_there_while_the_lease_is_held_and_gone_afterwards(tmp_path: Path) -> None:
    with lease(str(tmp_path)):
        holder = json.loads((tmp_path / LEASE_NAME).read_text())
        assert holder["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_gone_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), lease(str(tmp_path)):
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_refused_once_the_first_renews_its_lease(tmp_path: Path) -> None:
    with (
        lease(str(tmp_path), renewed_s=0.05),
        pytest.raises(OutputError, match=r"another run is writing there .*wait until it ends"),
        lease(str(tmp_path), expires_s=5),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                             capture_output=True, check=True)  # fmt: skip
    held_by(tmp_path, process=int(process.stdout))

    started = time.monotonic()
    with lease(str(tmp_path), expires_s=60):
        pass
    assert time.monotonic() - started < 10


def test_a_machine_without_proc_has_a_name_as_well(tmp_path: Path) -> None:
    elsewhere = module._machine(tmp_path / "proc")
    assert elsewhere == module._machine(tmp_path / "proc") != module._machine()
    assert elsewhere.startswith(f"{platform.node()} ")


def test_the_lease_of_a_dead_process_with_the_same_process_id_is_taken(tmp_path: Path) -> None:
    held_by(tmp_path)

    with lease(str(tmp_path), expires_s=60):
        assert json.loads((tmp_path / LEASE_NAME).read_text())["token"] != "other"


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_lease_is_taken(tmp_path: Path, content: str) -> None:
    (tmp_path / LEASE_NAME).write_text(content)

    with lease(str(tmp_path)) as held:
        held.check()
        assert json.loads((tmp_path / LEASE_NAME).read_text())["token"] == held.token
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nothing_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    (tmp_path / LEASE_NAME).symlink_to(tmp_path / "nothing")

    is_refused = pytest.raises(OutputError, match="is no file that can be read: remove it")
    with is_refused, lease(str(tmp_path)):
        pass
    assert not (tmp_path / "nothing").exists()


def test_the_lease_of_another_machine_is_taken_when_it_was_not_renewed_for_long(
    tmp_path: Path,
) -> None:
    held_by(tmp_path, machine="another")

    started = time.monotonic()
    with lease(str(tmp_path), expires_s=0.3):
        assert time.monotonic() - started > 0.3


def test_a_holder_that_lost_its_lease_may_not_write_and_leaves_the_new_one_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with lease(str(tmp_path), renewed_s=0.05) as held:
        held.check()
        path = held_by(tmp_path)
        with pytest.raises(OutputError, match=r"was taken over by host .*start it again"):
            held.check()
        wait_until(lambda: "taken over" in caplog.text)
    assert json.loads(path.read_text())["token"] == "other"


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def hold(output: str, name: str) -> None:
    try:
        with lease(output, renewed_s=0.1, expires_s=20):
            marker = Path(output) / "inside"
            marker.mkdir()  # Fails where another is inside.
            time.sleep(0.5)
            marker.rmdir()
            (Path(output) / f"held-{name}").touch()
    except OutputError:
        (Path(output) / f"refused-{name}").touch()


def test_of_processes_that_start_at_once_one_holds_the_lease(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    names = [str(number) for number in range(4)]
    processes = [context.Process(target=hold, args=(str(tmp_path), name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 4
    found = sorted(path.name for path in tmp_path.iterdir())
    assert len(found) == 4
    assert any(name.startswith("held") for name in found)


def race(output: str, rounds: int, start: Any, end: Any, counts: Any) -> None:
    for number in range(rounds):
        start.wait()
        try:
            with lease(f"{output}/{number}", renewed_s=0.05, expires_s=5):
                with counts.get_lock():
                    counts[number] += 1
                end.wait()  # Held until all others were refused.
        except OutputError:
            end.wait()


def test_of_processes_that_find_a_dead_lease_at_once_one_takes_it(tmp_path: Path) -> None:
    rounds, n_processes = 10, 3
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True)  # fmt: skip
    for number in range(rounds):
        (tmp_path / str(number)).mkdir()
        held_by(tmp_path / str(number), process=int(dead.stdout))
    context = multiprocessing.get_context("spawn")
    start, end = context.Barrier(n_processes), context.Barrier(n_processes, timeout=60)
    counts = context.Array("i", rounds)
    processes = [
        context.Process(target=race, args=(str(tmp_path), rounds, start, end, counts))
        for _ in range(n_processes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * n_processes
    assert list(counts) == [1] * rounds
    assert all(list((tmp_path / str(number)).iterdir()) == [] for number in range(rounds))
