"""What a study has tried, as choices and values: all that a rival method knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import FrozenTrial

from bonas.evaluation.objective import oriented
from bonas.spaces import Choice, Choices, Space
from bonas.studies.attributes import values_of
from bonas.studies.proposing.observations import directions, proposed

Key = tuple[Choice, ...]


def key(choices: Choices) -> Key:
    """The values of choices, in the space's order: equal for equal combinations only."""
    return tuple(choices.values())


@dataclass(frozen=True)
class Past:
    """Every trial but the one asked for, in the order of their numbers.

    ``values`` are ``k x m``, oriented (more is better); a row is NaN where a trial is not finished
    (yet), or failed.
    """

    choices: Sequence[Choices]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, study: Study, space: Space, asking: int) -> Past:
        """The trials that name all parameters of ``space``, without the number ``asking``."""
        choices, values = [], []
        for trial in study.get_trials(deepcopy=False):
            params = proposed(trial)
            if trial.number != asking and all(
                name in params and params[name] in distribution.choices
                for name, distribution in space.distributions.items()
            ):
                choices.append({name: params[name] for name in space.distributions})
                values.append(_values(trial, len(study.directions)))
        return cls(choices, oriented(values, directions(study)))

    @cached_property
    def spent(self) -> frozenset[Key]:
        """The combinations that were proposed."""
        return frozenset(map(key, self.choices))

    @cached_property
    def finished(self) -> Past:
        """Only the trials that have values."""
        rows = np.flatnonzero(np.isfinite(self.values).all(1)).tolist()
        return Past([self.choices[i] for i in rows], self.values[rows])

    def first(self, n: int) -> Past:
        """Only the ``n`` trials with the lowest numbers."""
        return Past(self.choices[:n], self.values[:n])

    def best(self, n: int) -> list[Choices]:
        """At most ``n`` finished trials, the best by the first objective first."""
        known = self.finished
        order = np.argsort(-known.values[:, 0], kind="stable")[:n].tolist()
        return [known.choices[i] for i in order]


def _values(trial: FrozenTrial, m: int) -> list[float]:
    return values_of(trial, m) or [np.nan] * m
