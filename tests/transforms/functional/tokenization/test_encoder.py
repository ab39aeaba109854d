"""The library behind one class: the plain path, the template, what is refused."""

from __future__ import annotations

import json
import pickle

import pyarrow as pa
import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors

from tests import tokenizers_zoo
from tests.hostile_texts import random_texts
from tests.library import library_tokens
from transforms.functional.errors import TokenizerError
from transforms.functional.tokenization import text_encoder
from transforms.functional.tokenization.encoder import Encoder, load_encoder
from transforms.functional.tokenization.text_encoder import TextEncoder
from transforms.functional.tokenization.torture import torture_texts

ALL = {**tokenizers_zoo.FAST, **tokenizers_zoo.PLAIN}


@pytest.mark.parametrize("family", ALL)
def test_plain_path_gives_the_library_s_ids_and_word_ids(family: str) -> None:
    tokenizer_json = ALL[family]()
    encoder = Encoder(tokenizer_json)
    literals = [token.content for token in encoder.added_tokens]
    texts = torture_texts(literals) + random_texts(1, 200, literals)
    expected = library_tokens(tokenizer_json, texts)
    assert expected.n_tokens > 1000
    assert encoder.encode_plain(texts).equals(expected)


def test_saved_truncation_and_padding_are_reset() -> None:
    saved = json.loads(tokenizers_zoo.bert())
    assert saved["truncation"]["max_length"] == 16
    assert saved["padding"]["strategy"] == {"Fixed": 16}
    tokens = Encoder(json.dumps(saved)).encode_plain(["film " * 100, "film"])
    assert tokens.lengths.tolist() == [100, 1]


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(tokenizers_zoo.bert())
    texts = torture_texts()
    whole = encoder.encode_plain(texts)
    monkeypatch.setattr(text_encoder, "PLAIN_BATCH_BYTES", 64)
    assert encoder.encode_plain(texts).equals(whole)


def test_arrow_arrays_of_any_text_type_and_slice() -> None:
    encoder = Encoder(tokenizers_zoo.bert())
    texts = ["dropped", "the film", "", "café", "dropped too"]
    expected = encoder.encode_plain(texts[1:4])
    assert expected.lengths.tolist()[:2] == [2, 0]
    for arrow_type in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        array = pa.array([text.encode() for text in texts], pa.binary()).cast(arrow_type)
        assert encoder.encode_plain(array.slice(1, 3)).equals(expected), arrow_type
    assert encoder.encode_plain(pa.array([], pa.string())).n_reviews == 0


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (pa.array(["a", None]), ValueError, "texts hold 1 nulls"),
        (pa.array([b"\xff"]), ValueError, "texts are not UTF-8"),
        (pa.array([1]), TypeError, "texts must be string or binary .*, got int64"),
    ],
)
def test_what_is_no_text_is_refused(texts: pa.Array, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Encoder(tokenizers_zoo.bert()).encode_plain(texts)


def test_bert_template_and_vocabulary() -> None:
    encoder = Encoder(tokenizers_zoo.bert().encode())
    assert (encoder.prefix, encoder.suffix) == ((2,), (3,))
    assert encoder.special_ids == (0, 1, 2, 3, 4)
    assert encoder.vocab_size == len(encoder.vocabulary()) > 100
    assert (encoder.token_to_id("[MASK]"), encoder.id_to_token(4)) == (4, "[MASK]")
    assert (encoder.token_to_id("no such token"), encoder.id_to_token(10_000)) == (None, None)
    assert encoder.normalizer == {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    }
    assert encoder.pre_tokenizer == {"type": "BertPreTokenizer"}
    assert encoder.model["type"] == "WordPiece"
    assert "vocab" not in encoder.model


def test_other_templates() -> None:
    assert Encoder(tokenizers_zoo.unigram()).suffix == (1,)
    assert Encoder(tokenizers_zoo.unigram()).prefix == ()
    roberta = Encoder(tokenizers_zoo.byte_level())
    assert (roberta.prefix, roberta.suffix) == ((0,), (2,))
    none = Encoder(tokenizers_zoo.word_level())
    assert (none.prefix, none.suffix) == ((), ())


def test_vocab_size_counts_added_tokens_and_special_ids_only_special_ones() -> None:
    tokenizer = Tokenizer.from_str(tokenizers_zoo.bert())
    size = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["[new]"])
    tokenizer.add_special_tokens([AddedToken("[also]", lstrip=True)])
    encoder = Encoder(tokenizer.to_str())
    assert encoder.vocab_size == size + 2
    assert encoder.special_ids == (0, 1, 2, 3, 4, size + 1)
    assert [(t.content, t.special, t.lstrip, t.normalized) for t in encoder.added_tokens[-2:]] == [
        ("[new]", False, False, True),
        ("[also]", True, True, False),
    ]


@pytest.mark.parametrize("single", ["[CLS] $A [SEP] $A", "$A $A", "[CLS]"])
def test_a_template_that_does_not_wrap_one_review_is_refused(single: str) -> None:
    tokenizer = Tokenizer.from_str(tokenizers_zoo.bert())
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair="$A $B", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    with pytest.raises(TokenizerError, match=r"not prefix \+ .* \+ suffix; use a tokenizer"):
        Encoder(tokenizer.to_str())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", b'{"model": {"type": "?"}}'])
def test_what_is_no_tokenizer_is_refused(data: bytes) -> None:
    with pytest.raises(TokenizerError, match=f"no tokenizer can be read from the {len(data)} byte"):
        Encoder(data)


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(TokenizerError, match="empty vocabulary"):
        Encoder(Tokenizer(models.BPE()).to_str())


def test_dropout_is_refused() -> None:
    document = json.loads(tokenizers_zoo.byte_level())
    document["model"]["dropout"] = 0.1
    with pytest.raises(TokenizerError, match=r"dropout=0\.1.* set dropout to null"):
        Encoder(json.dumps(document))


def test_a_model_without_its_unknown_token_names_the_cure() -> None:
    tokenizer = Tokenizer(models.WordPiece({"a": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    with pytest.raises(TokenizerError, match="unk_token"):
        Encoder(tokenizer.to_str()).encode_plain(["b"])


def test_clean_words_keep_their_numbers() -> None:
    encoder = Encoder(tokenizers_zoo.bert())
    words = encoder.for_clean_words().encode_words(["film\nunwatchable film", "good"])
    assert words.lengths.tolist()[1] == 1
    assert words.word_ids.tolist()[0] == 0
    assert set(words.word_ids.tolist()[: words.lengths[0]]) == {0, 1, 2}


WORD_PIECES = {"[UNK]": 0, "a": 1, "b": 2, "##b": 3, "##c": 4, "##": 5}


@pytest.mark.parametrize("continuing", ["##", "b", ""])
def test_a_wordpiece_model_gives_the_library_s_word_numbers(continuing: str) -> None:
    model = models.WordPiece(
        vocab=WORD_PIECES, unk_token="[UNK]", continuing_subword_prefix=continuing
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # "##b" is a word that looks like the rest of one: the library is asked for its words then.
    texts = ["a\nab\nabc\nb", "x\nabx\na", "##b\na\n##", "b"]
    words = Encoder(tokenizer.to_str()).for_clean_words().encode_words(texts)
    expected = tokenizer.encode_batch(texts)
    assert words.lengths.tolist() == [len(encoding.ids) for encoding in expected]
    assert words.ids.tolist() == [number for encoding in expected for number in encoding.ids]
    assert words.word_ids.tolist() == [word for found in expected for word in found.word_ids]


def test_wordpiece_words_are_encoded_without_the_library_s_own_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TextEncoder, "encode_words", None)
    words = Encoder(tokenizers_zoo.bert()).for_clean_words()
    assert words.encode_words(["good\nfilm"]).word_ids.tolist() == [0, 1]


def test_the_same_file_is_loaded_once() -> None:
    first = load_encoder(tokenizers_zoo.bert().encode())
    assert load_encoder(tokenizers_zoo.bert().encode()) is first
    assert load_encoder(tokenizers_zoo.byte_level().encode()).config != first.config


def test_an_encoder_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Encoder(tokenizers_zoo.bert()))


def test_a_panic_of_the_library_is_one_line() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    pattern = Regex(r"(\s|\s\s)+(?<=x)")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    encoder = Encoder(tokenizer.to_str())
    with pytest.raises(TokenizerError, match=r"gave up on a text \(.*retry-limit.*\): one of its"):
        encoder.encode_plain([" " * 60])
