"""The optimizer of shared weights that become more and larger."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from bonas.evaluation.training.recipe import Recipe
from bonas.supernets.store import Store
from bonas.supernets.training.optimizer import SharedOptimizer

Kind = Literal["adamw", "sgd"]


def recipe(
    optimizer: Kind = "adamw", schedule: Literal["cosine", "one_cycle"] = "cosine"
) -> Recipe:
    return Recipe(4, optimizer, 0.1, 0.01, schedule)


def store(**tensors: torch.Tensor) -> Store:
    made = Store()
    for key, tensor in tensors.items():
        made.set(key, tensor)
    return made


def differentiate(weight: torch.Tensor) -> None:
    (weight**2).sum().backward()  # type: ignore[no-untyped-call]  # untyped in torch


def stepped(optimizer: SharedOptimizer, shared: Store, key: str, progress: float = 0.0) -> None:
    optimizer.zero_grad()
    differentiate(shared[key])
    optimizer.step(progress)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_it_does_what_the_optimizer_of_the_recipe_does(kind: Kind) -> None:
    shared = store(a=torch.tensor([1.0, 2.0]))
    alone = nn.Parameter(torch.tensor([1.0, 2.0]))
    usual = recipe(kind).make_optimizer([alone])
    schedule = recipe(kind).make_schedule(usual, 10)
    own = SharedOptimizer(recipe(kind), shared, nn.Module())
    for i in range(10):
        stepped(own, shared, "a", i / 10)
        usual.zero_grad()
        differentiate(alone)
        usual.step()
        schedule.step()
    assert torch.allclose(shared["a"], alone, atol=1e-6)


def test_rates_are_those_of_the_schedule_at_the_same_share_of_the_training() -> None:
    own = SharedOptimizer(recipe(), store(a=torch.ones(1)), nn.Module())
    usual = torch.optim.AdamW([nn.Parameter(torch.ones(1))], 0.1)
    schedule = CosineAnnealingLR(usual, 7)
    for i in range(7):
        assert own.rates(i / 7)["lr"] == pytest.approx(schedule.get_last_lr()[0], abs=1e-6)
        usual.step()
        schedule.step()
    assert own.rates(1.0)["lr"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(("kind", "name"), [("adamw", "betas"), ("sgd", "momentum")])
def test_one_cycle_moves_the_momentum_too(kind: Kind, name: str) -> None:
    own = SharedOptimizer(recipe(kind, "one_cycle"), store(a=torch.ones(1)), nn.Module())
    assert own.rates(0.0)[name] != own.rates(0.3)[name]
    assert own.rates(0.3)["lr"] == pytest.approx(0.1, rel=1e-3)


def test_moments_of_a_weight_that_grows_are_kept_and_surrounded_by_zeros() -> None:
    shared = Store()
    shared.set("a", torch.ones(1, 3), kernel=1)
    own = SharedOptimizer(recipe(), shared, nn.Module())
    stepped(own, shared, "a")
    before = own.states["a"]["exp_avg"].clone()
    own.zero_grad()
    shared.set("a", torch.ones(2, 5), kernel=1)
    own.follow()
    after = own.states["a"]["exp_avg"]
    assert after.shape == (2, 5)
    assert torch.equal(after[:1, 1:4], before)
    assert int(after.count_nonzero()) == 3
    stepped(own, shared, "a")  # with moments of the right shape


def test_weights_that_appear_are_trained_from_then_on() -> None:
    shared = store(a=torch.ones(1))
    own = SharedOptimizer(recipe(), shared, nn.Module())
    shared.set("b", torch.ones(1))
    own.follow()
    stepped(own, shared, "b", 0.5)
    assert shared["b"].item() == pytest.approx(1.0 - 0.05 - 0.05 * 0.01, abs=1e-4)
    assert shared["a"].item() == 1.0


def test_weights_without_gradients_are_left_alone() -> None:
    shared = store(a=torch.ones(1))
    shared.set("fixed", torch.ones(1), trained=False)
    own = SharedOptimizer(recipe(), shared, nn.Module())
    stepped(own, shared, "a")
    assert own.states.keys() == {"a"}


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_restored_moments_continue_as_if_there_had_been_no_stop(kind: Kind) -> None:
    shared = store(a=torch.ones(3), b=torch.ones(2))
    own = SharedOptimizer(recipe(kind), shared, nn.Linear(1, 1))
    for _ in range(3):
        stepped(own, shared, "a")
    again = store(a=shared["a"].detach().clone(), b=torch.ones(2))
    other = SharedOptimizer(recipe(kind), again, nn.Linear(1, 1))
    other.restore(own.states)
    for optimizer, of in ((own, shared), (other, again)):
        stepped(optimizer, of, "a", 0.5)
    assert torch.equal(shared["a"], again["a"])
