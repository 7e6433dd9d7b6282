"""Optuna's own samplers, which know nothing of invalid combinations, over a space."""

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


class Valid(BaseSampler):
    """A sampler whose invalid proposals are replaced by random valid ones.

    The inner sampler is made anew for each trial, with a seed from ``seed`` and the trial's number:
    what it proposes follows from the trials alone, and a search that is resumed does not draw the
    same random numbers again.

    Args:
        space: The architectures.
        make: Makes the inner sampler from a seed.
        seed: Of everything random.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> sampler = Valid(space, lambda seed: optuna.samplers.RandomSampler(seed=seed))
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
        """The space's parameters."""
        return {**self.space.distributions}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the inner sampler would have proposed, parameter by parameter, if that is valid."""
        inner = self._inner(trial.number)
        known = inner.infer_relative_search_space(study, trial)
        together = inner.sample_relative(study, trial, known)
        choices = {
            name: together[name]
            if name in together
            else inner.sample_independent(study, trial, name, distribution)
            for name, distribution in self.space.distributions.items()
        }
        whole = self.space.completed(choices)  # without what belongs to other choices
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
        """What the inner sampler draws for a parameter outside the space."""
        inner = self._inner(trial.number)
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """What the inner sampler does then."""
        self._inner(trial.number).before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """What the inner sampler does then."""
        self._inner(trial.number).after_trial(study, trial, state, values)

    def _inner(self, number: int) -> BaseSampler:
        seed = int(np.random.default_rng([self.seed, number]).integers(2**31))
        with warnings.catch_warnings():
            # Optuna calls some of its recommended settings experimental
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.make(seed)
