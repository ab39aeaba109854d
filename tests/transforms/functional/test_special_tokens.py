from transforms.functional.special_tokens import special_tokens_of


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


def test_with_companions_a_usual_name_alone_is_no_role():
    """Hugging Face does not guess either: gpt2 has no pad token."""
    tokenizer = {"added_tokens": [{"content": "[PAD]"}]}
    assert special_tokens_of(tokenizer, {}, None).roles == {}


def test_a_tokenizer_without_added_tokens_has_no_roles():
    assert special_tokens_of({"added_tokens": None, "padding": None}, None, None).roles == {}
