from pathlib import Path

import pytest

from beam_pipeline.inspect import main
from tests.beam_pipeline.jobs import run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    reviews = folder / "in.csv"
    reviews.write_text("text,label\nA great film.,pos\nAn awful film!,neg\n")
    options = ("--task", "classification", "--max_length", "16")
    assert run(folder / "out", *options, reviews=reviews) == 0
    return folder / "out"


def test_it_says_what_the_dataset_is(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(dataset)]) == 0
    out = capsys.readouterr().out
    assert "classification, max_length 16" in out
    assert "labels      0 neg, 1 pos" in out


def test_it_shows_a_row_as_words(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(dataset), "--row", "1"]) == 0
    out = capsys.readouterr().out
    assert "in.csv, record 1" in out
    assert "label       0" in out
    assert "tokens      [CLS] an awful film ! [SEP]" in out


def test_a_row_that_is_not_there_names_the_range(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(dataset), "--row", "2"]) == 2
    assert "--row must be from 0 to 1 in train, got 2" in capsys.readouterr().err
