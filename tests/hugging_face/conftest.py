"""What the comparisons with Hugging Face share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import jobs, oracle
from tests.hugging_face.made_tokenizers import byte_level_tokenizer, unigram_tokenizer


@pytest.fixture(scope="package", params=["wordpiece", "byte-level", "unigram"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small tokenizer of one family."""
    if request.param == "wordpiece":
        return jobs.TOKENIZER
    folder = tmp_path_factory.mktemp(request.param)
    train = {"byte-level": byte_level_tokenizer, "unigram": unigram_tokenizer}[request.param]
    train(folder)
    return folder


@pytest.fixture(scope="package")
def hard_reviews(tmp_path_factory: pytest.TempPathFactory) -> oracle.Reviews:
    """Return the sample's reviews and the hostile texts in a file, labels 0, 1, 2 in turn."""
    path = tmp_path_factory.mktemp("reviews") / "hard.jsonl"
    texts = [*oracle.sample_texts(), *oracle.HOSTILE_TEXTS]
    labels = [number % 3 for number in range(len(texts))]
    oracle.write_jsonl(path, list(zip(texts, labels, strict=True)))
    return oracle.Reviews(path, texts, labels)
