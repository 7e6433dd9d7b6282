"""REINFORCE follows the gradient of its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from baseline_searches import Layers, Numbers, digit_sum, search

from bonas.benchmarks.baselines import (
    ReinforceController,
)
from bonas.benchmarks.baselines.observations import Observations


def test_the_controller_follows_the_gradient_of_the_policy() -> None:
    """Against autograd, with the baseline written out."""
    space = Numbers()
    rng = np.random.default_rng(0)
    choices = [dict(space.sample(rng)) for _ in range(12)]
    rewards = [digit_sum(c) for c in choices]
    observed = Observations(choices, np.array(rewards)[:, None])
    controller = ReinforceController(space, seed=3)
    logits = controller.policy(Observations([], np.zeros((0, 1)))).requires_grad_()
    assert float(logits.detach().abs().max()) < 0.01
    optimizer = torch.optim.Adam([logits], lr=0.01)
    for i, c in enumerate(choices):
        weights = [0.9 ** (i - j) for j in range(i + 1)]
        baseline = float(np.average(rewards[: i + 1], weights=weights))
        taken = [c[name] for name in "abc"]
        with torch.enable_grad():
            chance = logits.log_softmax(1)[range(3), taken].sum()
            (-(rewards[i] - baseline) * chance).backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()
        optimizer.zero_grad()
    torch.testing.assert_close(controller.policy(observed), logits.detach())


def test_the_controller_comes_to_prefer_what_is_rewarded() -> None:
    space = Numbers()

    def value(params: Mapping[str, Any]) -> list[float]:
        return [float(params["a"] == 3)]

    sampler = ReinforceController(space, seed=0, rate=0.2)
    study = search(space, sampler, 30, evaluate=value)
    policy = sampler.policy(Observations.of(study, space, number=-1)).softmax(1)
    assert float(policy[0, 3]) > 0.6


def test_a_parameter_with_fewer_choices_has_no_others_in_the_policy() -> None:
    class Uneven(Numbers):
        parameters = {"a": (0, 1), "b": (0, 1, 2), "c": (0, 1)}  # noqa: RUF012 - see above

    space = Uneven()
    study = search(
        space, ReinforceController(space, seed=0), 8, evaluate=lambda params: [digit_sum(params)]
    )
    logits = ReinforceController(space, seed=0).policy(Observations.of(study, space, number=-1))
    assert logits.isfinite().tolist() == [[True, True, False], [True] * 3, [True, True, False]]


def test_a_parameter_that_does_not_apply_has_no_gradient() -> None:
    space = Layers()
    controller = ReinforceController(space, seed=0)
    choices = [{"depth": 1, "w1": 8}, {"depth": 1, "w1": 16}]
    before = controller.policy(Observations([], np.zeros((0, 1))))
    after = controller.policy(Observations(choices, np.array([[0.0], [1.0]])))
    changed = (before != after).any(1).tolist()
    assert dict(zip(space.parameters, changed, strict=True)) == {
        "depth": True,
        "w1": True,
        "w2": False,
        "w3": False,
    }
