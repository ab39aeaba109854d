"""A model's predictions for texts, made as an evaluation makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.inference.preprocessing import TextPreprocessing
from training.loop.metrics import mean_of_windows, scores_of
from training.model.pretrained import load_config, load_tokenizer, load_weights, longest_input
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import MULTI, REGRESSION, SINGLE, ProblemType
from transforms.functional.reviews.problem_types import HOT, LABEL_TYPES
from transforms.functional.tokenization.panics import is_panic, unprinted_panics

Row = list[int]  # Token ids.


@dataclass(frozen=True)
class Prediction:
    """What a model says of a text.

    Attributes:
        found: Labels, or tokens that fill the mask, with their probabilities, the likeliest first.
        problem: Why there are none, empty where there are.
    """

    found: list[tuple[str, float]]
    problem: str = ""


class Predictor:
    """Labels texts, or fills their masks.

    A text that is longer than a row becomes what it became in the dataset: with `--overflow
    windows` several rows, whose probabilities are averaged, else its first row. A mask is filled in
    the first of a text's windows that holds one; they overlap by half.

    Args:
        model: A model that classifies, or one that fills masks.
        tokenizer: Its tokenizer.
        preprocessing: What is done to the texts.
        batch_size: Rows that are run together.
        top_k: How many labels or fillings; default: 1 label (of several classes: those that
            apply), 5 fillings. A number is one.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        preprocessing: TextPreprocessing,
        *,
        batch_size: int = 32,
        top_k: int | None = None,
    ) -> None:
        """Store the options."""
        self.fills_masks = type(model).__name__.endswith("ForMaskedLM")
        self._model = model
        self._tokenizer = tokenizer
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._problem_type = None if self.fills_masks else _problem_type(model)
        self._top_k = top_k
        places = longest_input(model)
        longest = min(int(tokenizer.model_max_length), places or int(tokenizer.model_max_length))
        self._max_length = min(preprocessing.max_length or longest, longest)

    @classmethod
    def load(cls, folder: str, *, batch_size: int, top_k: int | None) -> Predictor:
        """Return that of a saved model, on a GPU where there is one.

        Raises:
            UsageError: there is none, or it neither classifies nor fills masks.
        """
        names = load_config(folder, "--model").architectures or [""]
        masked = names[0].endswith("ForMaskedLM")
        if not masked and not names[0].endswith("ForSequenceClassification"):
            raise UsageError(f"--model {folder} neither classifies nor fills masks: {names[0]}")
        model = load_weights(folder, "--model", "mlm" if masked else "classification")
        tokenizer = load_tokenizer(folder, "--model")
        preprocessing = TextPreprocessing.read(folder)
        torch.nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
        model.train(False)
        return cls(model, tokenizer, preprocessing, batch_size=batch_size, top_k=top_k)

    def __call__(self, texts: Sequence[str]) -> list[Prediction]:
        """Return the prediction for each text."""
        found = self._windows(self._preprocessing.clean(texts))
        windows = [rows or [] for rows in found]
        if self.fills_masks:
            mask = self._tokenizer.mask_token_id
            windows = [[row for row in rows if mask in row][:1] for rows in windows]
        rows = [row for text_rows in windows for row in text_rows]
        owners = np.repeat(np.arange(len(texts)), [len(text_rows) for text_rows in windows])
        if not rows:
            return [self._nothing(text_rows) for text_rows in found]
        means = mean_of_windows(self._scores(rows), owners, len(texts))
        return [
            self._named(mean) if text_rows else self._nothing(all_rows)
            for text_rows, all_rows, mean in zip(windows, found, means, strict=True)
        ]

    def _windows(self, texts: list[str]) -> list[list[Row] | None]:
        """Return the rows of each text; none for one without a token, None if there is no telling.

        The tokenizer's patterns may give up on a text: the others have their rows all the same.
        """
        try:
            with unprinted_panics():
                return self._encoded(texts)
        except BaseException as error:
            if not is_panic(error):
                raise
        if len(texts) == 1:
            return [None]
        return [rows for text in texts for rows in self._windows([text])]

    def _encoded(self, texts: list[str]) -> list[list[Row] | None]:
        says = self._preprocessing
        n_special = self._tokenizer.num_special_tokens_to_add()
        stride = says.stride if says.overflow == "windows" else 0
        if self.fills_masks:
            stride = (self._max_length - n_special) // 2
        encoded = self._tokenizer(
            texts,
            truncation=True,
            max_length=self._max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        owned = zip(encoded["overflow_to_sample_mapping"], encoded["input_ids"], strict=True)
        windows: list[list[Row] | None] = [[] for _ in texts]
        for text, rows in groupby(owned, key=lambda pair: int(pair[0])):
            windows[text] = [row for _, row in rows if row]
        if says.overflow == "truncate" and not self.fills_masks:
            return [rows and rows[:1] for rows in windows]
        return windows

    def _scores(self, rows: list[Row]) -> npt.NDArray[np.float64]:
        """Return (n_rows, n_classes or n_ids) probabilities, or (n_rows, 1) numbers."""
        # Rows of similar length have little padding.
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        found = [
            self._run([rows[row] for row in order[begin : begin + self._batch_size]])
            for begin in range(0, len(order), self._batch_size)
        ]
        scores: npt.NDArray[np.float64] = torch.cat(found).numpy()[np.argsort(order)]
        return scores

    def _run(self, rows: list[Row]) -> torch.Tensor:
        ids, real = self._padded(rows)
        inputs = {"input_ids": ids, "attention_mask": real}
        with torch.no_grad():
            moved = {name: values.to(self._model.device) for name, values in inputs.items()}
            logits = self._model(**moved).logits.float().cpu()
        if self.fills_masks:
            first = ids.eq(self._tokenizer.mask_token_id).int().argmax(dim=1)
            logits = logits[torch.arange(len(rows)), first]
        return scores_of(logits, self._problem_type).double()

    def _padded(self, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and attention mask (n, length)."""
        # Padding behind a row changes nothing, so that it need not be as long as in the dataset.
        at_left = (
            self._preprocessing.padding == "max_length" and self._tokenizer.padding_side == "left"
        )
        length = self._max_length if at_left else max(len(row) for row in rows)
        ids = torch.full((len(rows), length), self._tokenizer.pad_token_id or 0)
        real = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            place = slice(length - len(row), None) if at_left else slice(len(row))
            ids[number, place] = torch.tensor(row)
            real[number, place] = 1
        return ids, real

    def _named(self, scores: npt.NDArray[np.float64]) -> Prediction:
        best = np.argsort(-scores, kind="stable")[: self._count(scores)].tolist()
        if self.fills_masks:
            names = [str(name) for name in self._tokenizer.convert_ids_to_tokens(best)]
        else:
            names = [str((self._model.config.id2label or {})[number]) for number in best]
        return Prediction(list(zip(names, scores[best].tolist(), strict=True)))

    def _count(self, scores: npt.NDArray[np.float64]) -> int:
        """Return how many labels or fillings of a text are given."""
        if self._top_k is None and self._problem_type == MULTI:
            return int(np.count_nonzero(scores >= HOT))
        return self._top_k or (5 if self.fills_masks else 1)

    def _nothing(self, rows: list[Row] | None) -> Prediction:
        if rows is None:
            return Prediction([], "the tokenizer gives up on it")
        if self.fills_masks:
            return Prediction([], f"no {self._tokenizer.mask_token} to fill in")
        return Prediction([], "no token in it")


def _problem_type(model: PreTrainedModel) -> ProblemType:
    """Return what a model predicts, as its config says; else by its outputs, as its class does."""
    said = model.config.problem_type
    found = next((each for each in LABEL_TYPES if each == said), None)
    return found or (REGRESSION if model.config.num_labels == 1 else SINGLE)
