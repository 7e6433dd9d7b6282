"""Optuna's own samplers over a space: a wrapper that rejects invalid combinations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from bonas.spaces import Space


class RejectInvalid(BaseSampler):
    """A sampler whose invalid proposals are replaced by random valid ones.

    A new inner sampler is made for each trial, with a seed from ``seed`` and the trial's number:
    its proposal follows from the trials alone, and a resumed search does not draw the same random
    numbers again.

    Args:
        space: The architectures.
        make: The function that makes the inner sampler from a seed.
        seed: Seed for every random number generator.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> sampler = RejectInvalid(space, lambda seed: optuna.samplers.RandomSampler(seed=seed))
    >>> study = optuna.create_study(sampler=sampler)
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(self, space: Space, make: Callable[[int], BaseSampler], *, seed: int = 0) -> None:
        self.space = space
        self.make = make
        self.seed = seed

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space's parameters."""
        return {**self.space.distributions}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the inner sampler's proposal if it is valid, else a random combination."""
        inner = self._make_inner(trial.number)
        known = inner.infer_relative_search_space(study, trial)
        together = inner.sample_relative(study, trial, known)
        choices = {
            name: together[name]
            if name in together
            else inner.sample_independent(study, trial, name, distribution)
            for name, distribution in self.space.distributions.items()
        }
        whole = self.space.completed(choices)  # without parameters that do not apply
        if self.space.allows(whole):
            return dict(whole)
        return dict(self.space.sample(np.random.default_rng([self.seed, trial.number])))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a parameter outside the space with the inner sampler."""
        inner = self._make_inner(trial.number)
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Call the inner sampler's hook."""
        self._make_inner(trial.number).before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Call the inner sampler's hook."""
        self._make_inner(trial.number).after_trial(study, trial, state, values)

    def _make_inner(self, number: int) -> BaseSampler:
        seed = int(np.random.default_rng([self.seed, number]).integers(2**31))
        with warnings.catch_warnings():
            # Optuna calls some of its recommended settings experimental
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.make(seed)
