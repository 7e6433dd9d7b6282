"""In-place distillation: networks that learn from the outputs of another one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bonas.evaluation import ShortTraining
from bonas.evaluation.data.targets import IGNORE_INDEX
from bonas.supernets.training.distillation import has_soft_outputs, losses, soft_cross_entropy

_X = np.random.default_rng(0).normal(size=(60, 4))
_Y = (_X.sum(1) > 0).astype(int)
_BATCH = torch.as_tensor(_X[:8]).float(), torch.as_tensor(_Y[:8])


def by_hand(outputs: Tensor, teacher: Tensor, weights: Any = None) -> float:
    """Return the mean over rows of - sum_c w_c p_c log q_c, in float64."""
    z, t = outputs.double().numpy(), teacher.double().numpy()
    p = np.exp(t) / np.exp(t).sum(-1, keepdims=True)
    log_q = z - np.log(np.exp(z).sum(-1, keepdims=True))
    w = np.ones(z.shape[-1]) if weights is None else weights
    return float(-(w * p * log_q).sum(-1).mean())


def drawn(*shape: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=draw), torch.randn(*shape, generator=draw)


def test_the_loss_is_the_cross_entropy_with_the_softmax_of_the_teacher() -> None:
    outputs, teacher = drawn(7, 3)
    found = soft_cross_entropy(outputs, teacher, torch.zeros(7, dtype=torch.int64))
    assert float(found) == pytest.approx(by_hand(outputs, teacher), rel=1e-5)


def test_class_weights_multiply_the_terms_of_their_classes() -> None:
    outputs, teacher = drawn(7, 3)
    found = soft_cross_entropy(outputs, teacher, torch.zeros(7, dtype=torch.int64), (0.5, 2.0, 1.0))
    weights = np.array([0.5, 2.0, 1.0])
    assert float(found) == pytest.approx(by_hand(outputs, teacher, weights), rel=1e-5)


def test_tokens_that_do_not_count_are_left_out() -> None:
    outputs, teacher = drawn(2, 5, 3)
    targets = torch.zeros(2, 5, dtype=torch.int64)
    targets[0, :3] = IGNORE_INDEX
    found = soft_cross_entropy(outputs, teacher, targets)
    kept = targets != IGNORE_INDEX
    assert float(found) == pytest.approx(by_hand(outputs[kept], teacher[kept]), rel=1e-5)
    nothing = soft_cross_entropy(outputs, teacher, torch.full_like(targets, IGNORE_INDEX))
    assert float(nothing) == 0.0


def test_no_gradient_reaches_the_teacher() -> None:
    outputs, teacher = (x.requires_grad_() for x in drawn(4, 3))
    soft_cross_entropy(outputs, teacher, torch.zeros(4, dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]  # untyped in torch
    assert outputs.grad is not None
    assert teacher.grad is None


def networks() -> list[nn.Module]:
    made: list[nn.Module] = []
    for seed in range(3):
        torch.manual_seed(seed)
        made.append(nn.Linear(4, 2))
    return made


@torch.no_grad()
def hard(network: nn.Module, x: Tensor, y: Tensor) -> float:
    return float(cross_entropy(network(x), y, label_smoothing=0.1))


def step_of(training: ShortTraining) -> Any:
    run = training.procedure.prepare(
        networks()[0], candidate(nn.Identity), torch.device("cpu"), torch.Generator()
    )
    return run.trainer.step


def values(made: list[nn.Module], training: ShortTraining, *, taught: bool) -> list[float]:
    found = losses(made, _BATCH, step_of(training), nullcontext, taught=taught)
    return [float(loss.detach()) for loss in found if loss is not None]


def test_the_first_network_learns_from_labels_and_the_others_from_it() -> None:
    first, *others = made = networks()
    found = values(made, ShortTraining((_X, _Y)), taught=True)
    x, y = _BATCH
    assert found[0] == pytest.approx(hard(first, x, y))
    hands = [by_hand(other(x).detach(), first(x).detach()) for other in others]
    assert found[1:] == pytest.approx(hands, rel=1e-5)


def test_all_networks_of_a_step_see_the_same_augmented_rows() -> None:
    def augment(x: Tensor) -> Tensor:
        return x + torch.randn_like(x)

    _, second, third = values(
        [networks()[0]] * 3, ShortTraining((_X, _Y), augment=augment), taught=True
    )
    assert second == third


def test_untaught_networks_learn_from_labels() -> None:
    x, y = _BATCH
    hands = [hard(network, x, y) for network in networks()]
    assert values(networks(), ShortTraining((_X, _Y)), taught=False) == pytest.approx(hands)


def test_only_labels_and_tokens_under_the_usual_loss_have_soft_outputs() -> None:
    usual = step_of(ShortTraining((_X, _Y)))
    assert has_soft_outputs(usual)
    assert not has_soft_outputs(step_of(ShortTraining((_X, _Y), loss=nn.CrossEntropyLoss())))
    assert not has_soft_outputs(replace(usual, splits=replace(usual.splits, task="regression")))
    assert not has_soft_outputs(lambda network, batch: None)


def test_a_batch_of_one_row_is_left_out() -> None:
    one = _BATCH[0][:1], _BATCH[1][:1]
    step = step_of(ShortTraining((_X, _Y)))
    assert list(losses(networks(), one, step, nullcontext, taught=True)) == [None]
