"""The benchmarks work, on tiny inputs; what they measure is no concern of a test."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.make_reviews import invent
from benchmarks.timing import Run, median_table
from tests.benchmarks.running import run
from tests.paths import ROOT

TOKENIZER = ROOT / "tests" / "sample" / "tokenizer"

TEXTS = [
    f"A film about the number {n}, made with care and watched with pleasure." for n in range(99)
]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "reviews.parquet")
    return tmp_path / "reviews.parquet"


def test_the_table_holds_medians_and_ratios_of_the_same_rounds() -> None:
    runs = {
        "ours": [Run(wall=2.0, cpu=3.0), Run(wall=1.0, cpu=1.0), Run(wall=9.0, cpu=9.0)],
        "peer": [Run(wall=8.0, cpu=8.0), Run(wall=7.0, cpu=7.0), Run(wall=1.0, cpu=1.0)],
    }
    assert median_table(runs, "ours").splitlines()[2:] == [
        "| ours | 2.00 | 1.00-9.00 | 3.00 | 1.0 |",
        "| peer | 7.00 | 1.00-8.00 | 7.00 | 3.5 |",
    ]


def test_made_text_begins_with_the_reviews_and_keeps_finding_new_words() -> None:
    stream = invent(TEXTS, seed=0)
    first, second, third = ([next(stream) for _ in TEXTS] for _ in range(3))
    assert first == TEXTS
    words = [{word for text in texts for word in text.split()} for texts in (first, second, third)]
    assert words[1] - words[0]
    assert words[2] - words[0] - words[1]


@pytest.mark.slow
def test_the_job_is_timed(reviews: Path) -> None:
    arguments = ["--input", str(reviews), "--tokenizer", str(TOKENIZER), "--rounds", "1"]
    out = run("job", *arguments)
    assert "| review-shards (ids, words, masks, hashes) |" in out


@pytest.mark.slow
def test_the_kernel_is_timed_and_its_time_divided(reviews: Path) -> None:
    out = run(
        "kernel",
        *("--reviews", str(reviews), "--tokenizer", str(TOKENIZER / "tokenizer.json")),
        *("--repetitions", "1"),
    )
    assert "encode_batch_fast" in out
    assert "gather" in out


@pytest.mark.slow
def test_the_time_of_a_job_is_divided_into_stages(reviews: Path) -> None:
    out = run("stages", "--input", str(reviews), "--tokenizer", str(TOKENIZER))
    assert "| tokenize |" in out
    assert "| the whole job, " in out


@pytest.mark.slow
def test_growth_is_measured_in_both_orders(reviews: Path) -> None:
    out = run(
        "scale",
        *("--input", str(reviews), "--tokenizer", str(TOKENIZER), "--gigabytes", "0.0001"),
    )
    assert "| 0.0001 GB | input |" in out
    assert "| 0.0001 GB | shuffled |" in out


@pytest.mark.slow
def test_the_fuzzer_finds_no_difference() -> None:
    out = run("fuzz_tokenization", "--texts", "300", "--families", "bert-uncased,gpt2")
    assert "0 mismatches" in out
