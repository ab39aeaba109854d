"""`python -m training.predict`: labels, or fillings of a mask, for texts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.model.pretrained import load_config, load_tokenizer, load_weights, longest_input
from transforms.functional.errors import InputError, ReviewShardsError, UsageError

Prediction = list[tuple[str, float]]


def main(arguments: Sequence[str]) -> int:
    """Print a line for each text, and return the exit code."""
    options = command_line().parse_args(list(arguments))
    try:
        model, tokenizer = load(options.model)
        for text, found in predict(
            model, tokenizer, _texts(options), batch_size=options.batch_size, top_k=options.top_k
        ):
            values = [f"{name}\t{probability:.4f}" for name, probability in found]
            print("\t".join([*values, text]), flush=True)
    except ReviewShardsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def load(folder: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a saved model, on a GPU where there is one, and its tokenizer.

    Raises:
        UsageError: there is none, or it neither classifies nor fills masks.
    """
    names = load_config(folder, "--model").architectures or [""]
    masked = names[0].endswith("ForMaskedLM")
    if not masked and not names[0].endswith("ForSequenceClassification"):
        raise UsageError(f"--model {folder} neither classifies nor fills masks: {names[0]}")
    model = load_weights(folder, "--model", "mlm" if masked else "classification")
    tokenizer = load_tokenizer(folder, "--model")
    torch.nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    model.train(False)
    return model, tokenizer


def predict(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    *,
    batch_size: int = 32,
    top_k: int | None = None,
) -> Iterator[tuple[str, Prediction]]:
    """Yield each text with what the model says of it, the likeliest first.

    Args:
        model: A model that classifies, or one that fills masks.
        tokenizer: Its tokenizer.
        texts: The texts; for masks each with at least one mask token, of which the first is filled.
        batch_size: Texts that are padded to one length and run together.
        top_k: How many labels or fillings; default: 1 label, 5 fillings.

    Raises:
        UsageError: a text has no mask token.
    """
    masked = type(model).__name__.endswith("ForMaskedLM")
    count = top_k or (5 if masked else 1)
    labels: dict[Any, str] = dict(model.config.id2label or {})
    remaining = iter(texts)
    while batch := list(islice(remaining, batch_size)):
        inputs = tokenizer(
            batch,
            padding=True,
            truncation=True,
            max_length=_longest(model, tokenizer),
            return_tensors="pt",
        ).to(model.device)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            logits = model(**inputs).logits.float()
        if masked:
            places = _first_masks(inputs["input_ids"], tokenizer, batch)
            logits = logits[torch.arange(len(batch)), places]
        values, ids = logits.softmax(-1).topk(min(count, logits.shape[-1]))
        for text, row_values, row_ids in zip(batch, values.tolist(), ids.tolist(), strict=True):
            names = (
                tokenizer.convert_ids_to_tokens(row_ids)
                if masked
                else [labels[number] for number in row_ids]
            )
            yield text, list(zip(names, row_values, strict=True))


def _first_masks(
    input_ids: torch.Tensor, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> torch.Tensor:
    is_mask: torch.Tensor = input_ids == tokenizer.mask_token_id
    missing = (~is_mask.any(dim=1)).nonzero().flatten().tolist()
    if missing:
        raise UsageError(f"no {tokenizer.mask_token} to fill in {texts[missing[0]]!r}: put one in")
    first: torch.Tensor = is_mask.int().argmax(dim=1)
    return first


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    longest = int(tokenizer.model_max_length)
    return min(longest, longest_input(model) or longest)


def _texts(options: argparse.Namespace) -> Iterator[str]:
    if options.text:
        yield from options.text
        return
    if options.file is None:
        yield from (line.rstrip("\n") for line in sys.stdin)
        return
    try:
        with Path(options.file).open(encoding="utf-8") as lines:
            yield from (line.rstrip("\n") for line in lines)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--file {options.file} cannot be read: {error}") from error


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.predict",
        description="Print label and probability, or fillings of the mask, for each text: of "
        "--text, of the lines of --file, or of those of standard input.",
    )
    parser.add_argument("--model", required=True, help="folder that the training program saved")
    parser.add_argument("--text", action="append", help="a text; may be given several times")
    parser.add_argument("--file", help="a file with a text on each line")
    parser.add_argument("--top_k", type=_positive, help="how many labels or fillings to print")
    parser.add_argument("--batch_size", type=_positive, default=32, help="texts run together")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
