"""What a step of masked language modelling takes, by how rows are made, and by what the head sees.

    python -m benchmarks.training_steps --model MODEL --datasets CONCATENATED BEST_FIT PADDED

Times are processor seconds of a step (forward, backward, optimizer), so that other work on the
machine changes them little; the ways take turns. Peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForMaskedLM

from training import (
    MLM_COLUMNS,
    MlmCollator,
    ReviewAttention,
    ShardDataset,
    WithinReviews,
    mask_recipe,
)
from training.loop.losses import step_loss
from training.model.masked_head import MaskedHead


@dataclass
class Way:
    """One way to make rows, or to read them.

    Attributes:
        name: Its name.
        dataset: The rows.
        collate: Makes the model's inputs.
        fill: Share of the dataset's tokens that are no padding.
        seconds: Processor time of each step.
    """

    name: str
    dataset: ShardDataset
    collate: Callable[[Any], Any]
    fill: float
    seconds: list[float] = field(default_factory=list)


def ways_of(url: str, model: Any) -> list[Way]:
    """Return how a dataset's rows can be read: with attention within reviews where they know."""
    plain = ShardDataset(url, columns=MLM_COLUMNS)
    places = len(plain) * plain.max_length
    fill = sum(plain.shards.column("tokens").to_pylist()) / places
    collate = MlmCollator(mask_recipe(plain), epoch=0)
    ways = [Way(url, plain, collate, fill)]
    if plain.manifest.has_review_starts:
        knowing = plain.with_columns([*MLM_COLUMNS, "review_starts"])
        within = WithinReviews(collate, ReviewAttention.of(model))
        ways.append(Way(f"{url}, within reviews", knowing, within, fill))
    return ways


class Steps:
    """Takes training steps.

    Args:
        model: The model.
        only_predicted: Run the head on the predicted tokens only.
    """

    def __init__(self, model: Any, *, only_predicted: bool = True) -> None:
        """Make the optimizer."""
        self.model = model.train()
        self._head = MaskedHead.of(model) if only_predicted else None
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def take(self, way: Way, rows: np.ndarray) -> float:
        """Take a step, and return its processor time."""
        batch = way.collate(way.dataset[rows])
        labels = batch.pop("labels")
        begin = time.process_time()
        with nullcontext() if self._head is None else self._head.predicting(labels):
            outputs = self.model(**batch)
        step_loss(outputs, labels).backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        return time.process_time() - begin


def head_alone(model: str, url: str, only_predicted: bool, batch_size: int, steps: int) -> Any:
    """Return the mean time of a step, and the peak memory of this process in bytes."""
    torch.manual_seed(0)
    taken = Steps(AutoModelForMaskedLM.from_pretrained(model), only_predicted=only_predicted)
    way = ways_of(url, taken.model)[0]
    times = [taken.take(way, _rows(way, number, batch_size)) for number in range(steps + 1)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return sum(times[1:]) / steps, peak


def _rows(way: Way, number: int, batch_size: int) -> np.ndarray:
    return np.random.default_rng(number).choice(len(way.dataset), batch_size, replace=False)


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", required=True, help="of one length")
    parser.add_argument("--model", required=True, help="folder of an encoder")
    parser.add_argument("--batch_size", type=int, default=8, help="rows in a batch")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each way")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_pretrained(options.model)
    ways = [way for url in options.datasets for way in ways_of(url, model)]
    steps = Steps(model)
    for number in range(options.steps + 1):  # The first round warms up.
        for way in ways:
            way.seconds.append(steps.take(way, _rows(way, number, options.batch_size)))
    print("| rows | filled | a step | for 1,000 tokens that are no padding |")
    print("| --- | ---: | ---: | ---: |")
    for way in ways:
        seconds = sum(way.seconds[1:]) / options.steps
        real = options.batch_size * way.dataset.max_length * way.fill / 1000
        print(
            f"| {way.name} | {way.fill:.2%} | {seconds:.1f} s | {seconds / real:.2f} s |",
            flush=True,
        )

    print("\n| head on | a step | peak memory |\n| --- | ---: | ---: |")
    context = multiprocessing.get_context("spawn")
    for name, only_predicted in (("all tokens", False), ("predicted tokens", True)):
        given = (options.model, options.datasets[0], only_predicted)
        with context.Pool(1) as pool:
            seconds, peak = pool.apply(head_alone, (*given, options.batch_size, options.steps))
        print(f"| {name} | {seconds:.1f} s | {peak / 1e9:.2f} GB |")


if __name__ == "__main__":
    main()
