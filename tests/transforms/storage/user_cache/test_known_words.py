"""Words that earlier jobs have learnt."""

import stat
from pathlib import Path

import pyarrow as pa
import pytest

from tests import jobs
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.storage.user_cache import known_words
from transforms.storage.user_cache.known_words import KnownWords

TOKENIZER = (jobs.TOKENIZER / "tokenizer.json").read_bytes()
TEXTS = pa.array(["A good film with a bad end", "Good actors"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save in a folder of the test, whatever is new."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(known_words, "LEAST_NEW", 1)
    return tmp_path / "review-shards" / "words"


def _learnt(document: bytes = TOKENIZER, texts: pa.Array = TEXTS) -> int:
    """Encode texts with a new tokenizer, save, and return how many words it knew before."""
    tokenizer = ReviewTokenizer(document)
    words = KnownWords(tokenizer, document)
    assert tokenizer.cache is not None
    known = len(tokenizer.cache)
    assert tokenizer.encode(texts).equals(ReviewTokenizer(document, fast=False).encode(texts))
    words.save()
    return known


def test_the_next_job_knows_the_words_and_nobody_else_can_read_them(folder: Path) -> None:
    assert _learnt() == 0
    assert _learnt() == 9
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_few_new_words_are_not_worth_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_words, "LEAST_NEW", 100)
    assert _learnt() == 0
    assert not folder.exists()


def test_words_of_another_tokenizer_are_not_taken(folder: Path) -> None:
    assert _learnt() == 0
    assert _learnt(TOKENIZER + b"\n") == 0
    assert len(list(folder.iterdir())) == 2


def test_damaged_words_are_passed_over_and_written_again(folder: Path) -> None:
    _learnt()
    (file,) = folder.iterdir()
    good = file.read_bytes()
    for damaged in (b"", good[:-1], good[:40], good[:-9] + bytes([good[-9] ^ 1]) + good[-8:]):
        file.write_bytes(damaged)
        assert _learnt() == 0
        assert _learnt() == 9


def test_words_that_another_user_wrote_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _learnt()
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert _learnt() == 0


def test_words_that_other_code_learnt_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    _learnt()
    monkeypatch.setattr(known_words, "_code", lambda: "of the next release")
    assert _learnt() == 0


def test_words_are_forgotten_where_the_library_said_otherwise(folder: Path) -> None:
    _learnt()
    tokenizer = ReviewTokenizer(TOKENIZER)
    words = KnownWords(tokenizer, TOKENIZER)
    tokenizer.mismatches = 1
    words.save()
    assert not list(folder.iterdir())


def test_the_oldest_files_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_words, "MAX_FILES", 2)
    for blanks in range(4):
        _learnt(TOKENIZER + b"\n" * blanks)
    assert len(list(folder.iterdir())) == 2


def test_a_job_goes_on_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _learnt() == 0


def test_the_plain_path_has_no_words_to_keep(folder: Path) -> None:
    KnownWords(ReviewTokenizer(TOKENIZER, fast=False), TOKENIZER).save()
    assert not folder.exists()
