"""The trials of a study as choices and values: all that a baseline conditions on.

The trials are read as in ``studies.proposing.observations``; the record differs, since baselines
compare combinations of choices and not networks, and need failed trials in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from optuna import Study

from bonas.evaluation.objective import oriented
from bonas.spaces import Choice, Choices, Space
from bonas.studies.proposing.observations import choices_of
from bonas.studies.records import directions, values_of

Key = frozenset[tuple[str, Choice]]


def key(choices: Choices) -> Key:
    """Return a hashable form of choices, equal for equal combinations only.

    >>> key({"depth": 2, "width": 8}) == key({"width": 8, "depth": 2})
    True
    """
    return frozenset(choices.items())


@dataclass(frozen=True)
class Observations:
    """All trials but the one being proposed for, in the order of their numbers.

    Attributes:
        choices: The combination of each of the ``k`` trials.
        values: ``k x m``, oriented (more is better); NaN where a trial failed or is not finished.
    """

    choices: Sequence[Choices]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, study: Study, space: Space, number: int) -> Observations:
        """Read the trials that are whole combinations of ``space``, without trial ``number``."""
        choices, values = [], []
        m = len(study.directions)
        for trial in study.get_trials(deepcopy=False):
            own = None if trial.number == number else choices_of(trial, space)
            if own is not None:
                choices.append(own)
                values.append(values_of(trial, m) or [np.nan] * m)
        return cls(choices, oriented(values, directions(study)))

    @cached_property
    def seen(self) -> frozenset[Key]:
        """The combinations of all trials, failed and running ones included."""
        return frozenset(map(key, self.choices))

    @cached_property
    def finished(self) -> Observations:
        """The trials that have values."""
        rows = np.flatnonzero(np.isfinite(self.values).all(1)).tolist()
        return Observations([self.choices[i] for i in rows], self.values[rows])

    def first(self, n: int) -> Observations:
        """Return the ``n`` trials with the lowest numbers."""
        return Observations(self.choices[:n], self.values[:n])

    def best(self, n: int) -> list[Choices]:
        """Return at most ``n`` finished trials in descending order of the first objective."""
        known = self.finished
        order = np.argsort(-known.values[:, 0], kind="stable")[:n].tolist()
        return [known.choices[i] for i in order]
