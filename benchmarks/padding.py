"""What padding costs: tokens computed, and the time of a training step, by how batches are made.

    python -m benchmarks.padding --dataset shards/train --model MODEL

The dataset is one of ragged rows (`--padding longest`); those of `--padding max_length` are the
same rows, padded to the end. Tokens are counted over a whole epoch. Steps (forward, backward,
optimizer) are timed on batches of every width: of the batches in order of their width, every n-th.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from training.reading.dataset import ShardDataset
from training.sampling.batching import LengthOrder
from training.sampling.order import Order, ShardOrder

Batches = npt.NDArray[np.int64]  # (n_batches, batch_size) row numbers


@dataclass
class Way:
    """One way to make batches.

    Attributes:
        name: Its name.
        batches: The rows of the epoch's batches.
        widths: (n_batches,) tokens in a row of each batch, padding included.
        seconds: Times of steps.
    """

    name: str
    batches: Batches
    widths: npt.NDArray[np.int64]
    seconds: list[float] = field(default_factory=list)

    def sample(self, n: int) -> npt.NDArray[np.int64]:
        """Return the numbers of `n` batches, evenly spaced in the order of their width."""
        by_width = np.argsort(self.widths, kind="stable")
        middles = (np.arange(n) + 0.5) / n  # Of n parts of equal size.
        return by_width[(middles * len(by_width)).astype(np.int64)]


def ways_to_batch(dataset: ShardDataset, batch_size: int) -> list[Way]:
    """Return the ways that are compared."""
    random = ShardOrder(dataset.shard_rows)
    by_length = LengthOrder(random, dataset.lengths, global_batch=batch_size)
    at_random, alike = (_batches(order, batch_size) for order in (random, by_length))
    full = np.full(len(at_random), dataset.max_length)
    return [
        Way("`--padding max_length`", at_random, full),
        Way("`--padding longest`, random batches", at_random, _longest(dataset, at_random)),
        Way("`--padding longest`, `group_by_length`", alike, _longest(dataset, alike)),
    ]


def _batches(order: Order, batch_size: int) -> Batches:
    whole = len(order) // batch_size * batch_size
    return order.rows(0, np.arange(whole))[0].reshape(-1, batch_size)


def _longest(dataset: ShardDataset, batches: Batches) -> npt.NDArray[np.int64]:
    longest: npt.NDArray[np.int64] = (
        dataset.lengths(batches.reshape(-1)).reshape(batches.shape).max(axis=1)
    )
    return longest


def time_steps(dataset: ShardDataset, ways: list[Way], model: PreTrainedModel, steps: int) -> None:
    """Take `steps` training steps in each way, in turn."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    model.train()
    samples = [way.sample(steps) for way in ways]
    for number in range(-1, steps):  # The first round warms up.
        for way, sample in zip(ways, samples, strict=True):
            place = sample[max(number, 0)]
            begin = time.perf_counter()
            batch = dataset[way.batches[place]]
            for name in ("input_ids", "attention_mask"):
                missing = int(way.widths[place]) - batch[name].shape[1]
                batch[name] = torch.nn.functional.pad(batch[name], (0, missing))
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if number >= 0:
                way.seconds.append(time.perf_counter() - begin)


def table(dataset: ShardDataset, ways: list[Way]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| rows | tokens computed | of them padding | a step |",
        "| --- | ---: | ---: | ---: |",
    ]
    for way in ways:
        computed = int(way.widths.sum()) * way.batches.shape[1]
        real = int(dataset.lengths(way.batches.reshape(-1)).sum())
        seconds = sum(way.seconds) / len(way.seconds)
        lines.append(f"| {way.name} | {computed:,} | {1 - real / computed:.1%} | {seconds:.2f} s |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="classification, --padding longest")
    parser.add_argument("--model", required=True, help="folder of an encoder")
    parser.add_argument("--batch_size", type=int, default=32, help="rows in a batch")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each way")
    options = parser.parse_args()
    torch.manual_seed(0)
    dataset = ShardDataset(options.dataset)
    model = AutoModelForSequenceClassification.from_pretrained(options.model)
    ways = ways_to_batch(dataset, options.batch_size)
    time_steps(dataset, ways, model, options.steps)
    print(table(dataset, ways))


if __name__ == "__main__":
    main()
