"""Folders as Hugging Face publishes them: a small tokenizer.json in a family's layout, a config.

AutoTokenizer (transformers 5) rebuilds most of them from their vocabulary, so that the ids are not
those of the file. Training breaks ties at random: each is made once a process.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tests import oracle, tokenizers_zoo


@dataclass(frozen=True)
class Family:
    """How to make a folder.

    Attributes:
        tokenizer: Returns the text of its `tokenizer.json`.
        config: Its `tokenizer_config.json`.
        others: Other JSON files, by name.
        rebuilt: False where AutoTokenizer leaves the file alone.
    """

    tokenizer: Callable[[], str]
    config: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)
    rebuilt: bool = True

    def write(self, folder: Path) -> Path:
        """Write the files into a folder, and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(self.tokenizer(), "utf-8")
        for name, content in {"tokenizer_config.json": self.config, **self.others}.items():
            (folder / name).write_text(json.dumps(content), "utf-8")
        return folder


@cache
def _unigram(specials: tuple[str, ...], template: str, *, split: bool = False) -> str:
    """A SentencePiece model converted as transformers 4 did: charsmap, Metaspace, Unigram.

    Args:
        specials: The first pieces, in order.
        template: What stands around a review.
        split: Whether white space is split off first; the older layout has that.
    """
    tokenizer = Tokenizer(models.Unigram())
    metaspace = pre_tokenizers.Metaspace()
    steps = [pre_tokenizers.WhitespaceSplit(), metaspace]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if split else metaspace
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=list(specials), unk_token=_unknown(specials),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(_texts(), trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in specials if token in template.split()]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    content = json.loads(tokenizer.to_str())
    steps = [
        normalizers.Precompiled(tokenizers_zoo.tiny_charsmap()),
        normalizers.Replace(Regex(" {2,}"), " "),
    ]
    content["normalizer"] = json.loads(normalizers.Sequence(steps).__getstate__())
    return json.dumps(content)


def _unknown(specials: tuple[str, ...]) -> str:
    return next(token for token in specials if token.lower() in ("<unk>", "[unk]"))


def _texts() -> list[str]:
    return [*oracle.sample_texts()[:60], "so sooo soooo sooooooo aaaa 1998 2001"]


@cache
def _word_piece(normalizer: Any = None, pre_tokenizer: Any = None) -> str:
    tokenizer = Tokenizer.from_str(tokenizers_zoo.bert())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    return str(tokenizer.to_str())


@cache
def _byte_level(normalizer: Any = None, pre_tokenizer: Any = None) -> str:
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = byte_level
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        steps = [pre_tokenizer, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    return str(tokenizer.to_str())


_T5 = ("<pad>", "</s>", "<unk>", *(f"<extra_id_{n}>" for n in range(2)))
_XLM_R = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_CAMEMBERT = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<s>", "</s>", "<mask>")
_ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
_DEBERTA = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
_BIG_BIRD = ("<pad>", "</s>", "<s>", "<unk>", "[SEP]", "[MASK]", "[CLS]")
_REMBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
_XLNET = ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>")
_BERT_LIKE = "[CLS] $A [SEP]"
_ROBERTA_LIKE = "<s> $A </s>"
_DIGITS = pre_tokenizers.Split(Regex(r"\d"), "isolated")


def _named(tokenizer_class: str, **options: Any) -> dict[str, Any]:
    return {"tokenizer_class": tokenizer_class, "model_max_length": 512, **options}


FAMILIES = {
    "t5": Family(lambda: _unigram(_T5, "$A </s>"), _named("T5Tokenizer", extra_ids=2)),
    "t5-whitespace": Family(
        lambda: _unigram(_T5, "$A </s>", split=True), _named("T5TokenizerFast", extra_ids=2)
    ),
    "xlm-r": Family(
        lambda: _unigram(_XLM_R, _ROBERTA_LIKE), _named("XLMRobertaTokenizer")
    ),
    "camembert": Family(
        lambda: _unigram(_CAMEMBERT, _ROBERTA_LIKE), _named("CamembertTokenizer")
    ),
    "albert": Family(lambda: _unigram(_ALBERT, _BERT_LIKE), _named("AlbertTokenizer")),
    "deberta-v2": Family(lambda: _unigram(_DEBERTA, _BERT_LIKE), _named("DebertaV2Tokenizer")),
    "deberta-v3-by-model": Family(
        lambda: _unigram(_DEBERTA, _BERT_LIKE), {}, {"config.json": {"model_type": "deberta-v2"}}
    ),
    "big-bird": Family(lambda: _unigram(_BIG_BIRD, _BERT_LIKE), _named("BigBirdTokenizer")),
    "rembert": Family(lambda: _unigram(_REMBERT, _BERT_LIKE), _named("RemBertTokenizer")),
    "xlnet": Family(lambda: _unigram(_XLNET, "$A <sep> <cls>"), _named("XLNetTokenizer")),
    "bert": Family(tokenizers_zoo.bert, _named("BertTokenizer"), rebuilt=False),
    "bert-by-model": Family(
        lambda: tokenizers_zoo.bert(lowercase=False), {}, {"config.json": {"model_type": "bert"}}
    ),
    "bert-cased": Family(tokenizers_zoo.bert, _named("BertTokenizer", do_lower_case=False)),
    "bert-nfc": Family(lambda: _word_piece(normalizers.NFC()), _named("BertTokenizer")),
    "bert-digits": Family(
        lambda: _word_piece(
            None, pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), _DIGITS])
        ),
        _named("BertTokenizer"),
    ),
    "bert-added": Family(
        tokenizers_zoo.bert, _named("BertTokenizer"), {"added_tokens.json": {"[film]": 400}}
    ),
    "bert-of-a-model": Family(
        tokenizers_zoo.bert,
        _named("BertTokenizer", model_specific_special_tokens={"image_token": "<image>"}),
    ),
    "generic": Family(
        lambda: _byte_level(normalizers.NFC(), _DIGITS),
        _named("PreTrainedTokenizerFast"),
        rebuilt=False,
    ),
    "roberta": Family(_byte_level, _named("RobertaTokenizer")),
    "roberta-digits": Family(lambda: _byte_level(None, _DIGITS), _named("RobertaTokenizer")),
    "gpt2-nfc": Family(lambda: _byte_level(normalizers.NFC()), _named("GPT2Tokenizer")),
    "seamless": Family(lambda: _unigram(_XLM_R, _ROBERTA_LIKE), _named("SeamlessM4TTokenizer")),
    "gpt2-lowercase": Family(lambda: _byte_level(normalizers.Lowercase()), _named("GPT2Tokenizer")),
}  # fmt: skip

# Where the families differ: long words, accents in pieces, digits, controls, runs of letters.
TEXTS = (
    *oracle.HOSTILE_TEXTS,
    *(letter * n for letter in "aoe" for n in range(1, 40)),
    *("s" + "o" * n + " good" for n in range(1, 60)),
    "x" * 101 + " " + "y" * 99 + "z",
    "cafe\u0301 naive\u0308 A\u030angstro\u0308m",
    "1998 2001 12,345.67 0000",
    "a\x00b\x01c\x7fd\x85e\u200bf",
)
