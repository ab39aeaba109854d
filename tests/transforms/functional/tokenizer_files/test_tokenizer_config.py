from typing import Any

import pytest

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenizer_files.tokenizer_config import apply_config

BERT = {
    "added_tokens": [{"id": 0, "content": "[PAD]"}],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "a": 1, "[MASK]": 2}},
}
GPT2 = {
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
}


def added(tokenizer: dict[str, Any], config: dict[str, Any]) -> list[tuple[int, str]]:
    made = apply_config(tokenizer, config, None)["added_tokens"]
    return [(token["id"], token["content"]) for token in made]


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"model_max_length": 512, "add_bos_token": True, "chat_template": "x"},
        {"pad_token": "[PAD]", "tokenizer_class": "PreTrainedTokenizerFast"},
        {"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"},
        {"do_lower_case": False},
    ],
)
def test_where_nothing_changes_the_content_is_the_same(config: dict[str, Any] | None) -> None:
    assert apply_config(BERT, config, None) == BERT


def test_a_bert_class_makes_its_normalizer_from_the_config_or_its_defaults() -> None:
    def normalizer(**config: Any) -> dict[str, Any]:
        made: dict[str, Any] = apply_config(BERT, config, None)["normalizer"]
        return made

    defaults = {
        "type": "BertNormalizer",
        "clean_text": True,
        "lowercase": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
    }
    assert normalizer(tokenizer_class="BertTokenizer") == defaults
    assert normalizer(
        tokenizer_class="DistilBertTokenizerFast",
        do_lower_case=False,
        tokenize_chinese_chars=False,
        strip_accents=True,
    ) == {**defaults, "lowercase": False, "handle_chinese_chars": False, "strip_accents": True}


def test_a_byte_level_class_takes_the_prefix_space_from_the_config_or_its_defaults() -> None:
    def prefix(**config: Any) -> bool:
        made: bool = apply_config(GPT2, config, None)["pre_tokenizer"]["add_prefix_space"]
        return made

    assert prefix(tokenizer_class="GPT2Tokenizer", add_prefix_space=True)
    assert not prefix(tokenizer_class="RobertaTokenizerFast")
    assert prefix(tokenizer_class="BlenderbotTokenizer")
    assert not prefix(tokenizer_class="PreTrainedTokenizerFast", add_prefix_space=True)
    assert not prefix(add_prefix_space=True)


def test_a_new_token_gets_the_next_id_and_a_known_one_its_own() -> None:
    assert added(BERT, {"pad_token": "<pad>"}) == [(0, "[PAD]"), (3, "<pad>")]
    assert added(BERT, {"mask_token": "[MASK]"}) == [(0, "[PAD]"), (2, "[MASK]")]
    assert added(GPT2, {"pad_token": "x", "eos_token": "y"}) == [(1, "y"), (2, "x")]


def test_ids_go_on_behind_added_tokens_that_are_behind_the_vocabulary() -> None:
    tokenizer = {**GPT2, "added_tokens": [{"id": 7, "content": "z"}]}

    assert added(tokenizer, {"pad_token": "x"}) == [(7, "z"), (8, "x")]


def test_the_vocabulary_of_unigram_is_a_list() -> None:
    tokenizer = {**GPT2, "model": {"type": "Unigram", "vocab": [["<pad>", 0.0], ["a", -1.0]]}}

    assert added(tokenizer, {"pad_token": "<pad>", "eos_token": "x"}) == [(0, "<pad>"), (2, "x")]


def test_special_tokens_are_sought_as_they_are_written_and_others_in_normalized_text() -> None:
    config = {
        "mask_token": {"content": "<m>", "lstrip": True},
        "added_tokens_decoder": {"9": {"content": "film"}},
    }
    film, mask = apply_config(GPT2, config, None)["added_tokens"]

    assert film == {
        "id": 1,
        "content": "film",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": True,
        "special": False,
    }
    assert (mask["content"], mask["lstrip"], mask["normalized"], mask["special"]) == (
        "<m>",
        True,
        False,
        True,
    )


def test_tokens_come_from_the_map_too_and_each_once() -> None:
    made = apply_config(
        GPT2,
        {"pad_token": "x", "additional_special_tokens": ["x", "e"], "image_token": "i"},
        {"pad_token": "x", "cls_token": {"content": "c"}},
    )

    assert [token["content"] for token in made["added_tokens"]] == ["x", "c", "i", "e"]


def test_the_input_is_left_as_it_was() -> None:
    before = {**GPT2, "added_tokens": []}
    apply_config(before, {"pad_token": "x", "tokenizer_class": "GPT2Tokenizer"}, None)

    assert before == GPT2


def test_what_tokenizer_json_cannot_express_is_refused() -> None:
    apply_config(GPT2, {"split_special_tokens": False}, None)

    with pytest.raises(TokenizerError, match="sets split_special_tokens, which is not supported"):
        apply_config(GPT2, {"split_special_tokens": True}, None)
