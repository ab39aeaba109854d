"""Train the small WordPiece tokenizer that the sample reviews are tokenized with.

Reads ``reviews.jsonl`` beside this file and writes ``tokenizer/`` there, a folder that
``transformers.AutoTokenizer.from_pretrained`` loads.  Only the ``tokenizers`` library is needed.
The same reviews and the same library version always give the same bytes.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer

HERE = Path(__file__).resolve().parent
NAMES = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
SPECIAL = list(NAMES.values())


def read_texts(path: Path) -> list[str]:
    """Return the review texts of a JSON Lines file, without the lines that are not UTF-8."""
    texts: list[str] = []
    for line in path.read_bytes().splitlines():
        try:
            texts.append(json.loads(line.decode("utf-8"))["text"])
        except UnicodeDecodeError:
            continue
    return texts


def new_tokenizer(model: models.WordPiece) -> Tokenizer:
    """Return a lower-casing BERT-style tokenizer around ``model``, not yet post-processing."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def train(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """Train a tokenizer of ``vocab_size`` entries, the five special tokens first.

    Left to itself the trainer numbers the ``##x`` letters in the order of a hash map that is
    seeded again in each process, and breaks ties between merges by those numbers, so that two runs
    differ.  Here all letters are handed over, sorted, behind the special tokens, which fixes their
    numbers; a fresh model then takes the vocabulary, in which only the five are special.
    """
    draft = new_tokenizer(models.WordPiece(unk_token="[UNK]"))
    clean = map(draft.normalizer.normalize_str, texts)
    words = [word for text in clean for word, _ in draft.pre_tokenizer.pre_tokenize_str(text)]
    letters = sorted({c for w in words for c in w} | {f"##{c}" for w in words for c in w[1:]})
    trainer = WordPieceTrainer(
        vocab_size=vocab_size, show_progress=False, special_tokens=SPECIAL + letters
    )
    draft.train_from_iterator(texts, trainer)
    tokenizer = new_tokenizer(models.WordPiece(draft.get_vocab(), unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, SPECIAL.index(t)) for t in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def main() -> None:
    """Parse the command line, train, and write the three tokenizer files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=Path, default=HERE / "reviews.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "tokenizer")
    parser.add_argument("--vocab-size", type=int, default=4000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    train(read_texts(args.reviews), args.vocab_size).save(str(args.out / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **NAMES}
    for name, content in (("tokenizer_config", config), ("special_tokens_map", NAMES)):
        (args.out / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
