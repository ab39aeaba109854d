"""A text that the tokenizer's pattern gives up on is a rejected record, and no failure."""

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from tests import tokenizers_zoo
from transforms.functional.reviews.cleaning import Cleaning
from transforms.functional.reviews.reviews import RejectedRecord, ReviewChunk, make_reviews
from transforms.functional.reviews.unencodable import reject_unencodable, safe_bytes
from transforms.functional.tokenization.encoder import Encoder

# Twice as many ways to match with each blank more.
SLOW = r"(\s|\s\s)+(?<=x)"
# Of GPT-4 and many after it: each blank of a run is looked at twice.
LINEAR = r"\p{L}+|\p{N}{1,3}|\s*[\r\n]+|\s+(?!\S)|\s+"


def encoder_of(pattern: str) -> Encoder:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    return Encoder(tokenizer.to_str())


def chunk_of(*texts: str, rejected: tuple[RejectedRecord, ...] = ()) -> ReviewChunk:
    places = np.arange(len(texts))
    reviews = make_reviews(
        pa.array(texts, pa.large_string()), None, np.zeros(len(texts)), places * 10
    )
    return ReviewChunk(reviews=reviews, rejected=rejected)


def test_the_review_is_rejected_with_reason_and_bytes_and_the_others_stay() -> None:
    broken = RejectedRecord(source=0, record=25, reason="no JSON", raw=b"{")
    chunk = chunk_of("fine", " " * 60, "fine, too", " " * 61, rejected=(broken,))

    made = reject_unencodable(chunk, encoder_of(SLOW), Cleaning())

    assert made.reviews.column("text").to_pylist() == ["fine", "fine, too"]
    assert made.reviews.column("record").to_pylist() == [0, 20]
    assert [item.record for item in made.rejected] == [10, 25, 30]
    assert made.rejected[0].raw == b" " * 60
    assert made.rejected[0].reason.startswith("the tokenizer gives up on the text: ")
    assert "retry-limit" in made.rejected[0].reason


def test_what_counts_is_the_text_that_will_be_tokenized() -> None:
    texts = chunk_of("<b>  </b>" * 30)
    assert reject_unencodable(texts, encoder_of(SLOW), Cleaning()) is texts
    cleaned = reject_unencodable(texts, encoder_of(SLOW), Cleaning(strip_html=True))
    assert [item.raw for item in cleaned.rejected] == [b"<b>  </b>" * 30]


@pytest.mark.parametrize("pattern", [SLOW, r"\s*\s*(?!1)\d", r"(ab|a|b)+(?<=x)"])
def test_of_a_pattern_without_a_known_bound_each_text_is_tried(pattern: str) -> None:
    blanks, letters = " " * 20_000 + "1", "ab" * 20_000
    made = reject_unencodable(chunk_of("fine", blanks, letters), encoder_of(pattern), Cleaning())
    assert made.reviews.num_rows == 2
    assert len(made.rejected) == 1


def test_of_other_patterns_only_long_texts_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of(LINEAR)
    tried: list[int] = []
    monkeypatch.setattr(encoder, "why_it_gives_up", lambda text: tried.append(len(text)))
    limit = int(safe_bytes(encoder))
    reject_unencodable(chunk_of(" ", " " * limit, " " * (limit + 1)), encoder, Cleaning())
    assert tried == [limit + 1]


def test_a_tokenizer_without_patterns_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Encoder, "why_it_gives_up", None)
    chunk = chunk_of(" " * (1 << 20))
    for tokenizer in (tokenizers_zoo.bert(), tokenizers_zoo.byte_level()):
        assert reject_unencodable(chunk, Encoder(tokenizer), Cleaning()) is chunk


def test_what_the_library_prints_of_it_is_not_seen(capfd: pytest.CaptureFixture[str]) -> None:
    made = reject_unencodable(chunk_of(" " * 60, " " * 61), encoder_of(SLOW), Cleaning())
    assert len(made.rejected) == 2
    assert capfd.readouterr().err == ""


def test_a_pattern_of_the_normalizer_may_give_up_too() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(Regex(SLOW), "")
    made = reject_unencodable(chunk_of(" " * 60), Encoder(tokenizer.to_str()), Cleaning())
    assert len(made.rejected) == 1
