"""Small tokenizers of every family, trained in memory on a handful of sentences.

Each function returns the JSON text of a ``tokenizer.json``. ``FAST`` lists those for which safe
cuts are known, ``PLAIN`` the others. Training breaks ties at random: each is made once a process.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping
from functools import cache
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

SENTENCES = [
    "The film was good, but the ending wasn't. I don't think I'd see it again!",
    "A wonderful little production <br /><br />with a very old-time-BBC fashion.",
    "Probably my all-time favorite movie, 10/10: a story of selflessness and sacrifice.",
    "It's boring; it isn't scary. They're good actors who can't act... (1998) $9.99?!",
    'Petter Mattei\'s "Love in the Time of Money" is a visually stunning film to watch.',
    "Encouraging thriller, unwatchable remake & rewatched classics -- so-called café Ångström.",
    "ΑΣ σς été naïve 中文 電影 фильм хороший हिन्दी 👍 ½ ﬁne “quoted” it\u2019s — … ¡hola!",
] * 4

_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@cache
def bert(
    *, lowercase: bool = True, normalizer: bool = True, clean_text: bool = True, **options: Any
) -> str:
    """BERT: WordPiece, uncased or cased, with saved truncation and padding as upstream has."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    if normalizer:
        tokenizer.normalizer = normalizers.BertNormalizer(
            lowercase=lowercase, clean_text=clean_text, **options
        )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _train(tokenizer, trainers.WordPieceTrainer(vocab_size=400, special_tokens=_SPECIALS))
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    return str(tokenizer.to_str())


def word_piece_vocabulary() -> str:
    """Return the `vocab.txt` of the uncased BERT."""
    vocabulary = json.loads(bert())["model"]["vocab"]
    return "".join(f"{word}\n" for word in sorted(vocabulary, key=vocabulary.get))


@cache
def bert_with_added_tokens() -> str:
    """An uncased BERT with tokens that strip, match single words, or match normalized text."""
    tokenizer = Tokenizer.from_str(bert())
    tokenizer.add_tokens(
        [
            AddedToken("[User]", normalized=True),
            AddedToken("Café x", normalized=True),
            AddedToken("movies", single_word=True, normalized=True),
            AddedToken("Foo", normalized=False),
            AddedToken("<l>", lstrip=True, normalized=False),
            AddedToken("<r>", rstrip=True, normalized=False),
            AddedToken("good", single_word=True, normalized=False),
        ]
    )
    return str(tokenizer.to_str())


@cache
def byte_level(*, add_prefix_space: bool = False, trim_offsets: bool = True) -> str:
    """GPT-2 and RoBERTa: byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=add_prefix_space, trim_offsets=trim_offsets
    )
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    _train(tokenizer, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True), "<|endoftext|>"])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=trim_offsets, add_prefix_space=add_prefix_space
    )
    return str(tokenizer.to_str())


@cache
def unigram(
    normalizer: Any = None,
    *,
    prepend_scheme: str = "always",
    split: bool = True,
    whitespace_split: bool = False,
    charsmap: bytes | None = None,
) -> str:
    """T5, XLM-R, ALBERT: Unigram over Metaspace."""
    tokenizer = Tokenizer(models.Unigram())
    metaspace = pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=split)
    steps = [pre_tokenizers.WhitespaceSplit(), metaspace] if whitespace_split else [metaspace]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if whitespace_split else metaspace
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    specials = ["<pad>", "</s>", "<unk>", "<extra_id_0>", "<extra_id_1>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=300, unk_token="<unk>", special_tokens=specials, show_progress=False
    )
    _train(tokenizer, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    document = json.loads(tokenizer.to_str())
    if charsmap is not None:
        step = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
        kept = document["normalizer"]
        others = [] if kept is None else kept.get("normalizers", [kept])
        document["normalizer"] = {"type": "Sequence", "normalizers": [*others, step]}
    return json.dumps(document)


@cache
def albert(charsmap: bytes | None = None) -> str:
    """ALBERT's normalizers: quotes, NFKD, no accents, lower case, then the charsmap."""
    steps = [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
    ]
    return unigram(
        normalizers.Sequence(steps), whitespace_split=True, charsmap=charsmap or tiny_charsmap()
    )


@cache
def xlm_r(charsmap: bytes | None = None) -> str:
    """XLM-R as converted from SentencePiece: charsmap, trailing space, runs of spaces."""
    document = json.loads(unigram(charsmap=charsmap or tiny_charsmap()))
    tail = normalizers.Sequence(
        [normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]
    )
    steps = json.loads(tail.__getstate__())["normalizers"]
    document["normalizer"]["normalizers"] += steps
    return json.dumps(document)


@cache
def word_level() -> str:
    """A word-level model over runs of letters or marks."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    _train(tokenizer, trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False))
    return str(tokenizer.to_str())


@cache
def llama() -> str:
    """Llama 2: BPE with byte fallback over the whole text, no pre-tokenizer."""
    bytes_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>", "</s>", *bytes_tokens], show_progress=False
    )
    _train(tokenizer, trainer)
    document = json.loads(tokenizer.to_str())
    document["pre_tokenizer"] = None
    names = set(bytes_tokens)
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] not in names]
    return json.dumps(document)


def charsmap_of(replacements: Mapping[str, str]) -> bytes:
    """Return a SentencePiece charsmap: a Darts double array from text to its replacement.

    Each node has 256 places of its own, which wastes room and needs no search for free ones.
    """
    trie: dict[int, Any] = {}
    blob = b""
    for source, target in replacements.items():
        node = trie
        for byte in source.encode():
            node = node.setdefault(byte, {})
        node[0] = len(blob)
        blob += target.encode() + b"\0"
    units = [0]
    _lay_out(trie, 0, units)
    data = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(data)) + data + blob


def _lay_out(node: dict[int, Any], place: int, units: list[int]) -> None:
    base = 256 * -(-len(units) // 256)
    units += [0] * (base + 256 - len(units))
    offset = place ^ base
    if offset >= 1 << 21:
        raise ValueError("a charsmap for tests has few entries; its places no longer fit 21 bits")
    units[place] |= offset << 10 | (1 << 8 if 0 in node else 0)
    for byte, child in node.items():
        if byte == 0:
            units[base] = child | 1 << 31
        else:
            units[base ^ byte] |= byte
            _lay_out(child, base ^ byte, units)


@cache
def tiny_charsmap() -> bytes:
    """A few lines of what nmt_nfkc does, and some that it does not."""
    return charsmap_of(
        {
            "\t": " ", "\n": " ", "\r": " ", "\x01": "", "\x7f": "", "\xa0": " ",
            "\u3000": " ", "\u2003": " ", "\u200b": " ", "\u200d": "\u200d", "\ufb01": "fi",
            "\xbd": "1\u20442", "\uff46": "f", "e\u0301": "\xe9", "=\u0338": "\u2260",
            "\u2026": "...", "\xa8": " \u0308", "\u0600": "  ", "\u212b": "\xc5", "\ufeff": "",
            "\u0301": "", "\u20dd": " o",
        }
    )  # fmt: skip


def _train(tokenizer: Tokenizer, trainer: Any) -> None:
    if hasattr(trainer, "show_progress"):
        trainer.show_progress = False
    tokenizer.train_from_iterator(SENTENCES, trainer)


FAST: dict[str, Callable[[], str]] = {
    "bert-uncased": bert,
    "bert-cased": lambda: bert(lowercase=False),
    "bert-accents": lambda: bert(strip_accents=False),
    "bert-no-normalizer": lambda: bert(normalizer=False),
    "bert-unclean": lambda: bert(clean_text=False, handle_chinese_chars=False),
    "bert-added-tokens": bert_with_added_tokens,
    "gpt2": byte_level,
    "roberta": lambda: byte_level(trim_offsets=False),
    "roberta-prefix-space": lambda: byte_level(add_prefix_space=True),
    "t5": lambda: unigram(charsmap=tiny_charsmap(), whitespace_split=True),
    "t5-first": lambda: unigram(whitespace_split=True, prepend_scheme="first", split=False),
    "metaspace-always": unigram,
    "metaspace-first": lambda: unigram(normalizers.NFKC(), prepend_scheme="first"),
    "metaspace-never": lambda: unigram(normalizers.NFC(), prepend_scheme="never"),
    "xlm-r": xlm_r,
    "albert": albert,
}

PLAIN: dict[str, Callable[[], str]] = {"word-level": word_level, "llama": llama}
