"""What stands in tokenizer_config.json counts as it does for `AutoTokenizer`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
import tokenizers

from beam_pipeline.plan.tokenizer_source import TokenizerSource, load_tokenizer
from tests import jobs, oracle
from tests.hugging_face.made_tokenizers import byte_level_tokenizer, save, unigram_tokenizer
from transforms.functional.rows.packing import add_template
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer

CONFIGS = {
    "as it is": ("sample", {}),
    "a class of its own": ("sample", {"tokenizer_class": "BertTokenizer"}),
    "cased": ("sample", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}),
    "cased, but no class": ("sample", {"do_lower_case": False}),
    "accents": ("sample", {"tokenizer_class": "BertTokenizerFast", "strip_accents": False}),
    "cjk": ("sample", {"tokenizer_class": "ElectraTokenizer", "tokenize_chinese_chars": False}),
    "new pad": ("sample", {"pad_token": "[PADDING]"}),
    "new mask": ("sample", {"mask_token": "<mask>"}),
    "extra": ("sample", {"additional_special_tokens": ["really", "<s>"]}),
    "named extra": ("sample", {"extra_special_tokens": {"image_token": "<unk>"}}),
    "token of a model": ("sample", {"image_token": "<unk>"}),
    "decoder": ("sample", {"added_tokens_decoder": {"4000": {"content": "real"}}}),
    "no names": ("sample", dict.fromkeys(["pad_token", "unk_token", "cls_token", "sep_token"])),
    "prefix space": ("tokenizers/gpt2", {"add_prefix_space": True}),
    "gpt2 with pad": ("tokenizers/gpt2", {"pad_token": "[PAD]"}),
    "gpt2 pads with its end": ("tokenizers/gpt2", {"pad_token": "<|endoftext|>"}),
    "clean up": ("tokenizers/bert-base-uncased", {"clean_up_tokenization_spaces": True}),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_config_changes_what_auto_tokenizer_makes_of_it(tmp_path: Path, name: str) -> None:
    base, changes = CONFIGS[name]
    source = jobs.TOKENIZER if base == "sample" else oracle.shared(base)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    config = json.loads((source / "tokenizer_config.json").read_text("utf-8"))
    config = {key: value for key, value in {**config, **changes}.items() if value is not None}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")

    compare_with_auto_tokenizer(folder)


def test_saved_truncation_and_padding_only_tell_the_sides(tmp_path: Path) -> None:
    tokenizer = tokenizers.Tokenizer.from_file(str(jobs.TOKENIZER / "tokenizer.json"))
    tokenizer.enable_truncation(8, direction="left")
    tokenizer.enable_padding(direction="left", pad_id=0, pad_token="[PAD]", length=32)
    save(tokenizer, tmp_path, {"pad": "[PAD]", "mask": "[MASK]"})

    source = compare_with_auto_tokenizer(tmp_path)
    assert source.special.padding_side == source.special.truncation_side == "left"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Bert", "DistilBert", "MPNet", "Roberta", "GPT2", "Llama", "T5"])
def test_a_tokenizer_that_hugging_face_saved_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    import transformers

    wordpiece = name in ("Bert", "DistilBert", "MPNet")
    source = jobs.TOKENIZER if wordpiece else tmp_path / "made"
    if not wordpiece:
        source.mkdir()
        (byte_level_tokenizer if name in ("Roberta", "GPT2") else unigram_tokenizer)(source)
    tokenizer = getattr(transformers, f"{name}Tokenizer").from_pretrained(str(source))
    tokenizer.add_tokens(["film", "the end"])
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.save_pretrained(tmp_path / "saved")

    compare_with_auto_tokenizer(tmp_path / "saved")


def compare_with_auto_tokenizer(folder: Path) -> TokenizerSource:
    """Check ids, roles and sides of the tokenizer in a folder; return what the job makes of it."""
    theirs, ours = oracle.auto_tokenizer(folder), load_tokenizer(str(folder))
    texts = [*oracle.sample_texts()[:30], *oracle.HOSTILE_TEXTS]
    encode = ReviewTokenizer(ours.files["tokenizer.json"]).encode
    tokens, _ = add_template(encode(pa.array(texts, pa.large_string())), ours.template)
    expected = theirs(texts)["input_ids"]
    for (ids, _), other, text in zip(tokens, expected, texts, strict=True):
        assert ids.tolist() == other, text
    assert ours.role_ids.get("pad") == theirs.pad_token_id
    assert ours.role_ids.get("mask") == theirs.mask_token_id
    assert ours.encoder.vocab_size == len(theirs)
    assert set(theirs.all_special_ids) <= set(ours.special_ids)
    assert ours.special.padding_side == theirs.padding_side
    assert ours.special.truncation_side == theirs.truncation_side
    return ours
