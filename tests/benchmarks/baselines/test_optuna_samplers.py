"""Optuna's samplers over a space."""

from __future__ import annotations

from typing import Any

import optuna
from baseline_searches import Layers, Numbers, digit_sum, params_of, search
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from bonas.benchmarks.baselines import (
    RejectInvalid,
)


def test_an_invalid_proposal_is_replaced() -> None:
    class Forbidden(RandomSampler):
        def sample_independent(self, *args: Any) -> Any:
            return 2  # three times: a sum of 6

    space = Numbers()
    sampler = RejectInvalid(space, lambda seed: Forbidden(seed=seed), seed=0)
    params = params_of(search(space, sampler, 5, evaluate=lambda params: [digit_sum(params)]))
    assert all(space.is_valid(p) for p in params)
    assert len({tuple(p.values()) for p in params}) > 1


def test_the_hooks_of_the_inner_sampler_are_called() -> None:
    class Noted(RandomSampler):
        def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
            called.append(("before", trial.number))

        def after_trial(self, study: optuna.Study, trial: FrozenTrial, *_: Any) -> None:
            called.append(("after", trial.number))

    called: list[tuple[str, int]] = []
    space = Numbers()
    search(space, RejectInvalid(space, lambda seed: Noted(seed=seed)), 2, evaluate=lambda p: [0.0])
    assert called == [("before", 0), ("after", 0), ("before", 1), ("after", 1)]


def test_a_parameter_that_does_not_apply_is_dropped() -> None:
    space = Layers()
    sampler = RejectInvalid(space, lambda seed: RandomSampler(seed=seed), seed=0)
    study = optuna.create_study(sampler=sampler)
    for _ in range(10):
        proposed = sampler.sample_relative(study, study.ask()._cached_frozen_trial, {})
        assert space.allows(proposed)
