"""What is told of a run never hides how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from beam_pipeline.options.config import JobConfig
from beam_pipeline.summary.emitting import telling
from transforms.functional.errors import InputError


def config(folder: Path) -> JobConfig:
    """Return options whose summary cannot be written: a file is where its folder should be."""
    (folder / "file").write_text("")
    summary = str(folder / "file" / "summary.json")
    return JobConfig(
        input=("in",), output=str(folder / "out"), tokenizer="t", task="mlm", summary=summary
    )


def test_a_summary_that_cannot_be_written_is_said_behind_what_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        pytest.raises(InputError, match="the cause") as raised,
        telling(config(tmp_path), "command"),
    ):
        raise InputError("the cause")
    [note] = raised.value.__notes__
    assert "summary.json" in note
    assert caplog.records == []


def test_a_summary_that_cannot_be_written_undoes_no_success(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with telling(config(tmp_path), "command"):
        pass
    [record] = caplog.records
    assert record.getMessage().startswith("the run ended, but ")


def test_an_output_that_cannot_be_read_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.json").write_text("{")
    with pytest.raises(InputError), telling(config(tmp_path), "command"):
        raise InputError("the manifest is damaged")
    assert caplog.records == []
