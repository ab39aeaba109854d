from transforms.functional.tokenizer_files.special_tokens import special_tokens_of


def test_roles_come_from_the_config_as_strings_or_objects():
    config = {
        "pad_token": "[PAD]",
        "mask_token": {"content": "<M>", "lstrip": True},
        "cls_token": None,
    }
    special = special_tokens_of({}, config, None)
    assert special.roles == {"pad": "[PAD]", "mask": "<M>"}


def test_the_config_wins_over_the_map_and_keeps_what_only_the_map_names():
    special = special_tokens_of(
        {}, {"pad_token": "new"}, {"pad_token": "old", "sep_token": "[SEP]"}
    )
    assert special.roles == {"pad": "new", "sep": "[SEP]"}


def test_the_sides_are_right_unless_the_config_says_left():
    assert special_tokens_of({}, {}, None).padding_side == "right"
    special = special_tokens_of({}, {"padding_side": "left", "truncation_side": "left"}, None)
    assert (special.padding_side, special.truncation_side) == ("left", "left")


def test_without_companions_the_usual_names_and_the_saved_padding_tell_the_roles():
    tokenizer = {
        "added_tokens": [{"content": name} for name in ("[CLS]", "[SEP]", "[MASK]", "[X]")],
        "padding": {"pad_token": "<nothing>"},
    }
    assert special_tokens_of(tokenizer, None, None).roles == {
        "cls": "[CLS]",
        "sep": "[SEP]",
        "mask": "[MASK]",
        "pad": "<nothing>",
    }


def test_where_some_role_is_named_a_usual_name_alone_is_no_role():
    """Hugging Face does not guess either: gpt2 has no pad token."""
    tokenizer = {"added_tokens": [{"content": "[PAD]"}]}
    assert special_tokens_of(tokenizer, {"eos_token": "x"}, None).roles == {"eos": "x"}


def test_old_folders_leave_the_names_to_the_class():
    """The first published BERTs have `do_lower_case` in their config, and no token."""
    tokenizer = {"added_tokens": [{"content": "[PAD]"}, {"content": "[MASK]"}]}
    expected = {"pad": "[PAD]", "mask": "[MASK]"}
    assert special_tokens_of(tokenizer, {"do_lower_case": True}, None).roles == expected
    config = {"tokenizer_class": "BertTokenizerFast", "pad_token": "<pad>"}
    assert special_tokens_of(tokenizer, config, None).roles == {"pad": "<pad>", "mask": "[MASK]"}


def test_saved_padding_and_truncation_tell_the_sides_unless_the_config_does():
    tokenizer = {"padding": {"direction": "Left", "pad_token": "x"}, "truncation": None}
    assert special_tokens_of(tokenizer, {"pad_token": "x"}, None).padding_side == "left"
    assert special_tokens_of(tokenizer, {"padding_side": "right"}, None).padding_side == "right"
    tokenizer = {"truncation": {"direction": "Left"}}
    assert special_tokens_of(tokenizer, None, None).truncation_side == "left"


def test_a_tokenizer_without_added_tokens_has_no_roles():
    assert special_tokens_of({"added_tokens": None, "padding": None}, None, None).roles == {}
