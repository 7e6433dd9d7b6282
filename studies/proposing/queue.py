"""Proposals made before anybody asks for them, where evaluations are short.

With evaluations of minutes nobody minds an ask of a second, and a proposal is the better the more
is known when it is made. With evaluations of seconds workers would queue. So, while nobody asks, as
many are made as workers are expected to ask while one is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from optuna.trial import FrozenTrial, TrialState

from bonas.studies.proposing.observations import History
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.proposer import Planned

_SHARE = 0.05  # of an evaluation's time that an ask may take before it is worth being early


class Ahead:
    """The proposals that lie ready.

    Attributes:
        seconds: That it took to make the latest proposals.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._ready: list[Planned] = []
        self._parameters = Parameters({})

    def missing(self, known: Sequence[FrozenTrial], workers: int) -> int:
        """How many more should lie ready for that many workers.

        Where none should, as evaluations are long, those that do are dropped: they know too little.
        """
        done = [t for t in known if t.state == TrialState.COMPLETE][-workers:]
        lasted = [
            (trial.datetime_complete - trial.datetime_start).total_seconds()
            for trial in done
            if trial.datetime_complete and trial.datetime_start
        ]
        evaluation = median(lasted) if lasted else math.inf
        if self.seconds <= _SHARE * evaluation:
            self._ready = []
            return 0
        wanted = 1 + math.ceil(workers * self.seconds / max(evaluation, 1e-9))
        return max(0, min(workers, wanted) - len(self._ready))

    def add(self, made: Sequence[Planned], parameters: Parameters) -> None:
        """Keep proposals over these parameters."""
        self._ready = [*self._over(parameters), *made]
        self._parameters = parameters

    def take(self, history: History, parameters: Parameters, n: int) -> list[Planned]:
        """At most ``n`` that are still worth an evaluation; they are given away."""
        good = [p for p in self._over(parameters) if p[0].key not in history.spent]
        self._ready = good[n:]
        return good[:n]

    def pending(self, history: History) -> History:
        """The same, with what lies ready as pending points."""
        for point, _ in self._ready:
            history = history.with_pending(point)
        return history

    def _over(self, parameters: Parameters) -> list[Planned]:
        return self._ready if parameters == self._parameters else []
