"""The reviews and the tokenizer that come with the project."""

import json
from pathlib import Path

SAMPLE = Path(__file__).parent / "sample"
TOKENIZER_JSON = (SAMPLE / "tokenizer" / "tokenizer.json").read_bytes()


def _texts() -> list[str]:
    texts = []
    for line in (SAMPLE / "reviews.jsonl").read_bytes().splitlines():
        try:
            texts.append(json.loads(line)["text"])
        except UnicodeDecodeError:
            continue  # One line is not UTF-8, on purpose.
    return texts


TEXTS = _texts()
