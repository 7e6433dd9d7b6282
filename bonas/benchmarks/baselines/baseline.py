"""The frame of every baseline: an Optuna sampler whose only state is the study's trials."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from bonas.benchmarks.baselines.observations import Observations
from bonas.errors import InvalidArgument
from bonas.settings import own_settings
from bonas.spaces import Choices, Space
from bonas.studies.proposing.parameters import independent_value
from bonas.studies.records import PROPOSAL


class Baseline(BaseSampler, ABC):
    """A sampler of choices; a subclass implements ``_propose``.

    Proposals follow from the trials, ``seed`` and the trial's number: a new sampler on the same
    storage proposes the same. Parameters outside the space are drawn at random.

    Attributes:
        multi_objective: Whether the method is published for several objectives.
    """

    multi_objective: ClassVar[bool] = False

    def __init__(self, space: Space, *, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    @abstractmethod
    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        """Return valid choices for the next trial."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space's parameters."""
        return {**self.space.distributions}

    @own_settings()
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return one proposal, and store it with the trial.

        Raises:
            InvalidArgument: if the study has several objectives and the method is for one.
        """
        if len(study.directions) > 1 and not self.multi_objective:
            raise InvalidArgument(
                f"{type(self).__name__} searches for the best value of one objective, the study "
                f"has {len(study.directions)}; give it a study of one, or choose another method"
            )
        observations = Observations.of(study, self.space, trial.number)
        rng = np.random.default_rng([self.seed, trial.number])
        choices = dict(self._propose(observations, rng))
        PROPOSAL.write(study, trial, choices)
        return choices

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a random value."""
        return independent_value(param_distribution, param_name, self.seed, trial.number)
