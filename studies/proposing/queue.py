"""Proposals made before they are asked for, where evaluations are short.

With evaluations of minutes an ask of a second costs nothing, and a proposal is the better the more
is measured when it is made. With evaluations of seconds workers would queue. So, while no worker
asks, as many proposals are made as workers are expected to ask while one is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from optuna.trial import FrozenTrial, TrialState

from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.recommendation import Recommendation

_SHARE = 0.05  # of an evaluation's time that an ask may take before proposals are made ahead


class ProposalQueue:
    """Proposals that wait for a worker.

    Attributes:
        seconds: The time that the latest proposals took to make.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._ready: list[Recommendation] = []
        self._parameters = Parameters({})

    def missing(self, known: Sequence[FrozenTrial], workers: int) -> int:
        """Return how many more proposals should wait for that many workers.

        Where evaluations are long none should, and those that do are dropped: they know too little.
        """
        done = [t for t in known if t.state == TrialState.COMPLETE][-workers:]
        durations = [
            (trial.datetime_complete - trial.datetime_start).total_seconds()
            for trial in done
            if trial.datetime_complete and trial.datetime_start
        ]
        evaluation = median(durations) if durations else math.inf
        if self.seconds <= _SHARE * evaluation:
            self._ready = []
            return 0
        wanted = 1 + math.ceil(workers * self.seconds / max(evaluation, 1e-9))
        return max(0, min(workers, wanted) - len(self._ready))

    def put(self, made: Sequence[Recommendation], parameters: Parameters) -> None:
        """Add proposals over these parameters; those over others are dropped."""
        self._ready = [*self._over(parameters), *made]
        self._parameters = parameters

    def take(
        self, observations: Observations, parameters: Parameters, n: int
    ) -> list[Recommendation]:
        """Remove and return at most ``n`` proposals that are still worth an evaluation."""
        good = [r for r in self._over(parameters) if r.point.key not in observations.excluded]
        self._ready = good[n:]
        return good[:n]

    def as_pending(self, observations: Observations) -> Observations:
        """Return the observations with the waiting proposals as pending points."""
        for recommendation in self._ready:
            observations = observations.with_pending(recommendation.point)
        return observations

    def _over(self, parameters: Parameters) -> list[Recommendation]:
        return self._ready if parameters == self._parameters else []
