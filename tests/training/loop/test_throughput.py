from types import SimpleNamespace
from typing import Any

import pytest
import torch

from training.loop import throughput
from training.loop.throughput import Throughput, n_tokens, peak_operations


def test_tokens_are_those_that_are_no_padding() -> None:
    ids = torch.ones(2, 4, dtype=torch.int64)
    padded = {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])}

    assert n_tokens(padded) == 4
    assert n_tokens({"input_ids": ids, "attention_mask": torch.ones(2, 1, 4, 4)}) == 8
    assert n_tokens({"input_ids": ids}) == 8


def test_the_speed_is_that_of_the_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 12.0, 100.0, 103.0])
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(now))
    model: Any = SimpleNamespace(num_parameters=lambda exclude_embeddings: 7)
    speed = Throughput(model, torch.device("cpu"), half_precision=True)
    assert speed.since_last() == {}

    for _ in range(2):
        speed.begin()
        speed.count([{"input_ids": torch.ones(5, 5, dtype=torch.int64)}])
        speed.on_step_end()
    # 50 tokens in 2 and 3 seconds; no share of a processor's speed is known.
    assert speed.since_last() == {"tokens_per_second": 10.0}
    assert speed.since_last() == {}


def test_the_use_of_a_gpu_is_what_its_tokens_cost_of_what_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100-SXM4-80GB")
    now = iter([0.0, 1.0])
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(now))
    model: Any = SimpleNamespace(num_parameters=lambda exclude_embeddings: 10**12)
    speed = Throughput(model, torch.device("cuda", 0), half_precision=True)
    speed.begin()
    speed.count([{"input_ids": torch.ones(2, 13)}])
    speed.on_step_end()

    assert speed.since_last() == {"tokens_per_second": 26.0, "mfu": 0.5}


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L4", 121e12),
        ("Tesla T4", 65e12),
        ("NVIDIA GeForce GTX 1080", None),
    ],
)
def test_what_a_gpu_can_do_is_known_by_its_name(name: str, peak: float | None) -> None:
    assert peak_operations(name) == peak
