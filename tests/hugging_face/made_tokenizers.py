"""Small tokenizers of the families, trained on the sample."""

from __future__ import annotations

import json
from pathlib import Path

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from tests import oracle


def byte_level_tokenizer(folder: Path) -> None:
    """Train a tokenizer like RoBERTa's: byte-level BPE, `<s> ... </s>`."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=specials,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(oracle.sample_texts(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    save(tokenizer, folder, names)


def unigram_tokenizer(folder: Path) -> None:
    """Train a tokenizer like T5's: Unigram, `... </s>`."""
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=1200,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(oracle.sample_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    save(tokenizer, folder, {"eos": "</s>", "pad": "<pad>", "unk": "<unk>"})
    # Python and the library read a long decimal up to one last bit apart, which decides between
    # segmentations of equal score ("ooo" + "o", "o" + "ooo"); short decimals they read alike.
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["model"]["vocab"] = [
        [piece, round(score, 4)] for piece, score in content["model"]["vocab"]
    ]
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def save(tokenizer: tokenizers.Tokenizer, folder: Path, names: dict[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {f"{role}_token": name for role, name in names.items()}
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
