"""What finds words in ids, against the library that still names them; and the program's modes."""

import json
import sys
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from benchmarks.fuzz_tokenization import library_tokens
from benchmarks.next_tokenizers import WordStarts
from tests import tokenizers_zoo
from tests.benchmarks.running import run
from tests.hostile_texts import random_texts

_TOLD = {"bert": "WordPiece", "gpt2": "ByteLevel", "roberta": "ByteLevel"}


@pytest.mark.parametrize("name", [*tokenizers_zoo.FAST, *tokenizers_zoo.PLAIN])
def test_word_starts_found_in_ids_are_those_of_the_library_or_none(name: str) -> None:
    made = {**tokenizers_zoo.FAST, **tokenizers_zoo.PLAIN}[name]()
    document = json.loads(made)
    texts = random_texts(0, 400, [token["content"] for token in document["added_tokens"]])
    # Python's table of characters may be older than the library's.
    texts = [text for text in texts if "Cn" not in map(unicodedata.category, text)]
    library = Tokenizer.from_str(made)
    library.no_truncation()
    library.no_padding()
    expected = library_tokens(library, texts)
    words = WordStarts(document)

    found = words.of(expected)

    assert len(texts) > 50
    assert words.kind == _TOLD.get(name.partition("-")[0], "")
    if words.kind:
        assert found.tolist() == expected.word_starts.tolist()
        assert 0 < found.sum() < len(found)
    else:
        assert len(found) == expected.n_tokens
        assert not found.any()


@pytest.mark.slow
def test_ids_of_two_environments_are_compared_and_timed(tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.parquet"
    pq.write_table(pa.table({"text": [f"A film about {n}." for n in range(9)]}), reviews)
    run("next_tokenizers", "zoo", "--out", str(tmp_path))
    files = [str(tmp_path / f"zoo-{name}/tokenizer.json") for name in ("bert-cased", "gpt2")]
    given = ["--tokenizer", *files, "--reviews", str(reviews), "--texts", "20"]
    now = ["--out", str(tmp_path / "now")]

    run("next_tokenizers", "ids", *given, *now)
    same = run("next_tokenizers", "compare", *given, *now, "--next", str(tmp_path / "now"))
    timed = run("next_tokenizers", "time", *given, "--next", sys.executable, "--repetitions", "1")

    for name in ("zoo-bert-cased", "zoo-gpt2"):
        assert f"{name}-hostile.npz: 20 texts" in same
        assert f"{name}-reviews.npz: 9 texts" in same
        assert f"| {name} | CPU s: median (min to max) |" in timed
    assert same.count("0 with other ids") == same.count("0 with other word starts") == 4
    assert timed.count("kernel, cold |") == timed.count("kernel, warm |") == 2
