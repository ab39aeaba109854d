"""The published tokenizers give their published ids, on the real reviews too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import oracle
from tests.jobs import run
from tests.oracle import as_int, make


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("This movie is great!", [101, 2023, 3185, 2003, 2307, 999, 102]),
        ("I hated this film.", [101, 1045, 6283, 2023, 2143, 1012, 102]),
    ],
)
def test_documented_ids(tmp_path: Path, text: str, ids: list[int]) -> None:
    tokenizer = oracle.shared("tokenizers/bert-base-uncased")
    reviews = oracle.write_jsonl(tmp_path / "one.jsonl", [(text, 1)])
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 7),
        reviews=reviews,
        tokenizer=tokenizer,
    )

    assert dataset.column("input_ids") == [ids]
    assert dataset.column("attention_mask") == [[True] * 7]
    assert dataset.column("labels") == [1]


PUBLISHED = ("bert-base-uncased", "distilbert-base-uncased", "gpt2")


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_imdb_blocks_are_those_of_group_texts(tmp_path: Path, name: str) -> None:
    imdb, folder = oracle.imdb_sample(), oracle.shared(f"tokenizers/{name}")
    dataset = make(tmp_path / "out", "--task", "mlm", reviews=imdb.path, tokenizer=folder)

    ids, words = oracle.hugging_face_blocks(imdb.texts, oracle.auto_tokenizer(folder), 512)
    assert len(ids) > 900
    assert dataset.column("input_ids") == ids
    assert dataset.rows().word_ids() == words


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_imdb_reviews_are_the_tokenizers(tmp_path: Path, name: str) -> None:
    imdb, folder = oracle.imdb_sample(), oracle.shared(f"tokenizers/{name}")
    padding = "longest" if name == "gpt2" else "max_length"
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 256, "--padding", padding),
        reviews=imdb.path,
        tokenizer=folder,
    )

    expected = oracle.auto_tokenizer(folder)(
        imdb.texts,
        padding=False if name == "gpt2" else "max_length",
        truncation=True,
        max_length=256,
    )
    assert dataset.column("input_ids") == expected["input_ids"]
    assert as_int(dataset.column("attention_mask")) == expected["attention_mask"]
    assert dataset.column("labels") == imdb.labels


@pytest.mark.parametrize(
    ("task", "options", "role"),
    [
        ("classification", ("--padding", "max_length"), "pad"),
        ("mlm", ("--remainder", "pad"), "pad"),
        ("mlm", ("--masking", "static"), "mask"),
    ],
)
def test_gpt2_says_what_it_lacks_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    options: tuple[str, str],
    role: str,
) -> None:
    folder = oracle.shared("tokenizers/gpt2")

    assert run(tmp_path / "out", "--task", task, *options, tokenizer=folder) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: the tokenizer has no {role} token, which {' '.join(options)}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_gpt2_needs_no_padding_token_for_ragged_rows(tmp_path: Path) -> None:
    folder = oracle.shared("tokenizers/gpt2")
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 100, "--padding", "longest"),
        tokenizer=folder,
    )

    tokenizer = oracle.auto_tokenizer(folder)
    expected = tokenizer(oracle.sample_texts(), truncation=True, max_length=100)
    assert dataset.column("input_ids") == expected["input_ids"]
