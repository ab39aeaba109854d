"""The head on predicted tokens only: the same loss and gradients as on all of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertForMaskedLM

from tests.training.model.families import model_of
from training.loop.losses import at_labels, step_loss
from training.model.masked_head import MaskedHead
from transforms.functional.rows.masking import IGNORED


def batch(n_labels: int = 7) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 50, (3, 20), generator=generator)
    mask = torch.ones_like(ids)
    mask[2, 15:] = 0
    labels = torch.full_like(ids, IGNORED)
    places = torch.randperm(50, generator=generator)[:n_labels]
    labels.view(-1)[places] = ids.view(-1)[places]
    return {"input_ids": ids, "attention_mask": mask}, labels


@pytest.mark.parametrize(
    "family",
    ["bert", "distilbert", "roberta", "electra", "albert", "mpnet", "deberta-v2", "modernbert"],
)
def test_loss_and_gradients_are_those_of_all_tokens(family: str) -> None:
    model = model_of(family)
    inputs, labels = batch()
    full = model(**inputs).logits
    expected = cross_entropy(full.reshape(-1, 50), labels.reshape(-1), reduction="sum") / 7
    expected.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    head = MaskedHead.of(model)
    assert head is not None
    with head.predicting(labels):
        outputs = model(**inputs)
    loss = step_loss(outputs, labels)
    loss.backward()

    assert outputs.logits.shape == (1, 7, 50)
    assert abs((loss - expected).item()) < 1e-6
    for name, parameter in model.named_parameters():
        if name in gradients:
            assert parameter.grad is not None
            assert torch.allclose(parameter.grad, gradients[name], atol=1e-6), name
    assert torch.equal(model(**inputs).logits, full)  # Outside of `predicting` nothing changed.


def test_a_step_without_labels_has_a_loss_of_0_and_gradients() -> None:
    model = model_of("bert")
    inputs, labels = batch(0)
    head = MaskedHead.of(model)
    assert head is not None

    with head.predicting(labels):
        loss = step_loss(model(**inputs), labels)
    loss.backward()

    assert loss.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.cls.parameters())


class _Neighbours(BertForMaskedLM):
    """A head that is not token by token."""

    def forward(self, *args: Any, **options: Any) -> Any:
        outputs = self.bert(*args, **options)
        outputs.logits = self.cls(outputs[0] + outputs[0].mean(dim=1, keepdim=True))
        return outputs


def test_a_head_that_looks_at_other_tokens_is_left_alone() -> None:
    torch.manual_seed(0)
    model = _Neighbours(model_of("bert").config).train()

    assert MaskedHead.of(model) is None
    assert model.training
    assert not model.base_model._forward_hooks


def test_what_is_predicted_is_taken_out_of_all_logits_or_out_of_those_there_are() -> None:
    labels = torch.tensor([[IGNORED, 2], [1, IGNORED]])
    logits = torch.arange(12.0).reshape(2, 2, 3)

    for given in (logits, logits[labels != IGNORED].unsqueeze(0)):
        found, predicted = at_labels(given, labels)
        assert found.tolist() == [[3, 4, 5], [6, 7, 8]]
        assert predicted.tolist() == [2, 1]
    classes = at_labels(torch.eye(3), torch.tensor([0, IGNORED, 2]))
    assert classes[0].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert classes[1].tolist() == [0, 2]
