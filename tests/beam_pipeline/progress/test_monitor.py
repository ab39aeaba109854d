"""How far a job is, counted from what lies in its output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest

from beam_pipeline.progress.display import watching
from beam_pipeline.progress.monitor import OutputMonitor, Progress
from beam_pipeline.progress.work import Work
from transforms.functional.dataset.receipts import COUNTS, FINGERPRINT

WORK = Work(split_bytes=[100_000, 300_000], split_parts=[1, 3], subsets=["train"], first=5)


def _shard(output: Path, name: str, tokens: int, fingerprint: str = "mine") -> None:
    """Write what a shard tells of itself, and nothing else."""
    schema = pa.schema(
        [("labels", pa.int64())],
        metadata={FINGERPRINT: fingerprint, COUNTS: f'{{"tokens": {{"written": {tokens}}}}}'},
    )
    path = output / "train/000001" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema):
        pass


def test_bytes_follow_the_splits_whose_shards_are_there() -> None:
    assert WORK.bytes_done({5: 1}) == 100_000
    assert WORK.bytes_done({5: 1, 6: 1}) == 200_000
    # One part more than planned: the split is done, not more than done.
    assert WORK.bytes_done({6: 4}) == 300_000
    assert [WORK.has(split) for split in (4, 5, 6, 7)] == [False, True, True, False]
    assert WORK.shards == 4


def test_it_sees_shards_tokens_and_rejected_records(tmp_path: Path) -> None:
    monitor = OutputMonitor(str(tmp_path), WORK, "mine")
    assert monitor.look().fraction == 0
    assert monitor.look().seconds_left is None
    _shard(tmp_path, "0000005-0000.arrow", 70)
    _shard(tmp_path, "0000006-0000.arrow", 30)
    _shard(tmp_path, "0000004-0000.arrow", 999)  # Another generation's.
    (tmp_path / "train/000001" / ".0000006-0001.arrow.1-2.tmp").write_bytes(b"unfinished")
    (tmp_path / "rejected/000001").mkdir(parents=True)
    (tmp_path / "rejected/000001" / "0000005-0000.jsonl").write_text("{}\n{}\n")
    seen = monitor.look()
    assert (seen.bytes_done, seen.shards, seen.kept, seen.tokens, seen.rejected) == (
        200_000,
        2,
        0,
        100,
        2,
    )
    assert seen.fraction == 0.5


def test_unread_shards_count_by_their_size(tmp_path: Path) -> None:
    monitor = OutputMonitor(str(tmp_path), WORK, "mine")
    for part in range(4):
        _shard(tmp_path, f"0000006-{part:04}.arrow", 50)
    assert monitor.look().tokens == 200


def test_shards_of_an_earlier_run_are_done_but_not_this_runs_speed(tmp_path: Path) -> None:
    _shard(tmp_path, "0000005-0000.arrow", 70)
    monitor = OutputMonitor(str(tmp_path), WORK, "mine")
    seen = monitor.look()
    assert (seen.fraction, seen.kept, seen.tokens, seen.seconds_left) == (0.25, 1, 0, None)
    _shard(tmp_path, "0000006-0000.arrow", 30)
    assert monitor.look().bytes_new == 100_000
    # It was made again after all.
    os.utime(tmp_path / "train/000001" / "0000005-0000.arrow", (1, 1))
    assert (monitor.look().kept, monitor.look().bytes_new) == (0, 200_000)


def test_shards_of_other_options_are_not_done(tmp_path: Path) -> None:
    _shard(tmp_path, "0000005-0000.arrow", 70, fingerprint="another")
    seen = OutputMonitor(str(tmp_path), WORK, "mine").look()
    assert (seen.fraction, seen.shards) == (0, 0)


def _progress(**changed: float) -> Progress:
    values: Mapping[str, float] = {
        "bytes_done": 200_000, "bytes_new": 100_000, "shards": 2, "kept": 1, "tokens": 3_000_000,
        "rejected": 4, "seconds": 2.0, **changed,
    }  # fmt: skip
    return Progress(work=WORK, **values)  # type: ignore[arg-type]


def test_the_time_left_goes_by_what_is_new() -> None:
    # 100 kB in 2 s, 200 are left.
    assert _progress().seconds_left == 4
    assert _progress(bytes_done=1e9, bytes_new=1e9).figures()[-1] != ""


def test_figures_carry_their_units() -> None:
    assert _progress().figures() == [
        "200 of 400 kB", "1.5 Mtok/s", "2 of ~4 shards (1 kept)", "4 rejected", "0:00:04 left",
    ]  # fmt: skip


def test_small_and_large_inputs_are_shown_in_units_that_say_something() -> None:
    assert _progress(tokens=30_000).figures()[1] == "15 ktok/s"
    large = Progress(
        work=Work(split_bytes=[5e9], split_parts=[200], subsets=["train"]), bytes_done=1e9,
        bytes_new=1e9, shards=40, kept=0, tokens=10**9, rejected=0, seconds=100.0,
    )  # fmt: skip
    assert large.figures()[:2] == ["1,000 of 5,000 MB", "10.0 Mtok/s"]


def test_no_speed_is_shown_before_there_is_one() -> None:
    assert _progress(tokens=0).figures()[:2] == ["200 of 400 kB", "2 of ~4 shards (1 kept)"]


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def _watch(make: Callable[[], OutputMonitor], output: Path, seconds: float, *, quiet: bool) -> None:
    with watching(str(output), make, quiet=quiet):
        time.sleep(seconds)


def test_a_terminal_gets_a_bar_that_is_gone_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    _shard(tmp_path, "0000005-0000.arrow", 70)
    _watch(lambda: OutputMonitor(str(tmp_path), WORK, "mine"), tmp_path, 1.5, quiet=False)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "25%" in shown
    assert "1 of ~4 shards (1 kept)" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # The line is wiped.


def test_a_log_gets_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("beam_pipeline.progress.display._Lines.interval", 0.05)
    _watch(lambda: OutputMonitor(str(tmp_path), WORK, "mine"), tmp_path, 1.0, quiet=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert set(lines) == {
        "progress: 0%, 0 of 400 kB, 0 of ~4 shards, 0 rejected, time left unknown"
    }


def test_quiet_does_not_even_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> OutputMonitor:
        raise AssertionError("nobody wants to know")

    _watch(refuse, tmp_path, 0, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_look_that_fails_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("beam_pipeline.progress.display._Lines.interval", 0.02)
    monitor = OutputMonitor(str(tmp_path), WORK, "mine")
    monkeypatch.setattr(monitor, "look", lambda: 1 / 0)
    _watch(lambda: monitor, tmp_path, 0.2, quiet=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("made", [(), ("0000006-0000.arrow",)])
def test_an_engine_without_a_new_shard_for_a_minute_is_asked_about_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    made: Sequence[str],
) -> None:
    monkeypatch.setattr("beam_pipeline.progress.display.SECONDS_WITHOUT_A_SHARD", 0.1)
    monkeypatch.setattr("beam_pipeline.progress.display._Lines.interval", 0.05)

    def monitor() -> OutputMonitor:
        return OutputMonitor(str(tmp_path), WORK, "mine")

    with watching(str(tmp_path), monitor, quiet=False, engine="the engine at localhost:8199"):
        for name in made:
            _shard(tmp_path, name, 30)
        time.sleep(1)
    with watching(str(tmp_path), monitor, quiet=False):
        time.sleep(0.5)

    (warning,) = caplog.messages
    assert "has the engine at localhost:8199 workers that are free?" in warning
