"""Regularised evolution does what its paper says."""

from __future__ import annotations

import optuna
from baseline_searches import Layers, Numbers, digit_sum
from optuna.trial import create_trial

from bonas.benchmarks.baselines import (
    RegularizedEvolution,
)


def test_in_evolution_the_best_of_the_young_has_the_child() -> None:
    """With a tournament of nearly everyone; the best of all has died."""
    space = Numbers()
    study = optuna.create_study(direction="maximize")
    for a, b, c in [(3, 3, 3), (0, 0, 0), (0, 0, 1), (2, 1, 0), (1, 0, 0)]:
        params = {"a": a, "b": b, "c": c}
        study.add_trial(
            create_trial(
                params=params, distributions={**space.distributions}, value=digit_sum(params)
            )
        )
    for seed in range(20):
        study.sampler = RegularizedEvolution(space, seed=seed, population=4, sample=60)
        child = study.ask({**space.distributions}).params
        assert sum(child[n] != {"a": 2, "b": 1, "c": 0}[n] for n in "abc") == 1


def test_a_child_in_a_conditional_space_descends_from_the_best() -> None:
    """It differs from its parent in one of the parameters that apply to both."""
    space = Layers()
    study = optuna.create_study(direction="maximize")
    best = {"depth": 3, "w1": 32, "w2": 32, "w3": 32}
    for params in ({"depth": 1, "w1": 8}, best):
        distributions = {name: space.distributions[name] for name in params}
        value = float(len(params))
        study.add_trial(create_trial(params=params, distributions={**distributions}, value=value))
    sizes = set()
    for seed in range(20):
        study.sampler = RegularizedEvolution(space, seed=seed, population=2, sample=60)
        child = space.suggest(study.ask())
        assert sum(child[name] != best[name] for name in child) == 1
        sizes.add(len(child))
    assert sizes == {2, 3, 4}
