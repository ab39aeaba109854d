import json
from typing import Any

import pytest

from transforms.functional.errors import TokenizerError
from transforms.functional.tokenizer_files.tokenizer_config import FolderFiles, apply_config

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


def applied(tokenizer: dict[str, Any], options: Any = None, **others: Any) -> dict[str, Any]:
    files = {"tokenizer": tokenizer, "tokenizer_config": options, **others}
    texts = {
        f"{name}.json": json.dumps(content).encode()
        for name, content in files.items()
        if content is not None
    }
    return apply_config(FolderFiles.parse("FOLDER", texts))


def added(tokenizer: dict[str, Any], config: dict[str, Any]) -> list[tuple[int, str]]:
    made = applied(tokenizer, config)["added_tokens"]
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
    assert applied(BERT, config) == BERT


@pytest.mark.parametrize(
    ("tokenizer", "config", "message"),
    [
        (BERT, {"do_lower_case": False}, "do_lower_case false, tokenizer.json lowercase true"),
        (BERT, {"strip_accents": True}, "strip_accents true, tokenizer.json strip_accents null"),
        (BERT, {"tokenize_chinese_chars": False}, "handle_chinese_chars null"),
        (GPT2, {"add_prefix_space": True}, "add_prefix_space true, .* add_prefix_space false"),
    ],
)
def test_options_that_contradict_the_file_are_refused_where_a_class_decides(
    tokenizer: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    """Only the library knows what the class does; it was not there to be asked."""
    assert applied(tokenizer, config) == tokenizer
    assert applied(tokenizer, {**config, "tokenizer_class": "PreTrainedTokenizerFast"}) == tokenizer
    with pytest.raises(TokenizerError, match=f"{message}: install transformers.* a XTokenizer do"):
        applied(tokenizer, {**config, "tokenizer_class": "XTokenizerFast"})
    with pytest.raises(TokenizerError, match=f"{message}: install transformers.* a bert do"):
        applied(tokenizer, config, config={"model_type": "bert"})


def test_options_that_agree_with_the_file_change_nothing() -> None:
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None}
    assert applied(BERT, config) == BERT
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False}
    assert applied(GPT2, config) == GPT2


def test_tokens_of_added_tokens_json_and_of_models_are_added() -> None:
    config = {"model_specific_special_tokens": {"image_token": "<image>"}}
    made = applied(BERT, config, added_tokens={"two": 4, "one": 3})["added_tokens"]
    assert [(token["id"], token["content"], token["special"]) for token in made[1:]] == [
        (3, "one", False),
        (4, "two", False),
        (5, "<image>", True),
    ]


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
    film, mask = applied(GPT2, config)["added_tokens"]

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
    made = applied(
        GPT2,
        {"pad_token": "x", "additional_special_tokens": ["x", "e"], "image_token": "i"},
        special_tokens_map={"pad_token": "x", "cls_token": {"content": "c"}},
    )

    assert [token["content"] for token in made["added_tokens"]] == ["x", "c", "i", "e"]


def test_the_input_is_left_as_it_was() -> None:
    files = {
        "tokenizer.json": json.dumps({**GPT2, "added_tokens": []}).encode(),
        "tokenizer_config.json": b'{"pad_token": "x"}',
    }
    said = FolderFiles.parse("FOLDER", files)
    assert apply_config(said) != said.tokenizer

    assert said == FolderFiles.parse("FOLDER", files)


def test_what_tokenizer_json_cannot_express_is_refused() -> None:
    applied(GPT2, {"split_special_tokens": False})

    with pytest.raises(TokenizerError, match="sets split_special_tokens, which is not supported"):
        applied(GPT2, {"split_special_tokens": True})
