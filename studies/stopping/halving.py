"""Asynchronous successive halving with any number of objectives.

Of the ``n`` trials that have reached a rung so far, the best ``n / eta`` go on (Li et al., 2020, in
the form that stops instead of pausing). Best is by non-dominated sorting, then by crowding distance
(Schmucker et al., 2021), on the values at the rung and the final values of what was measured
before: one objective alone would stop what is small and fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from optuna import Study

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import oriented
from bonas.evaluation.record import Record
from bonas.studies.records import directions
from bonas.studies.stopping.dominance import position
from bonas.studies.stopping.rung_rule import RungRule, Verdict
from bonas.studies.stopping.rungs import Rung


@dataclass(frozen=True)
class SuccessiveHalving(RungRule):
    """Stops a trial that is not among the best ``1 / eta`` at a rung.

    Args:
        eta: The inverse of the share that goes on from each rung: 2 is careful, 3 or more stops
            most.
        least: Trials at a rung, with the one that is judged, before any is stopped.
        rungs, unstopped, by_training: As ``RungRule`` takes them.

    Raises:
        InvalidArgument: for an argument out of its range.
    """

    eta: float = 2
    least: int = 4
    name: ClassVar[str] = "halving"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.eta, (int, float)) or not 1 < self.eta < math.inf:
            raise InvalidArgument(f"eta must be a number above 1, got {self.eta!r}")
        check_count("least", self.least, least=2)

    def verdict(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung, rivals: Sequence[Rung]
    ) -> Verdict:
        """Return whether the candidate is among the best at the rung."""
        n = len(rivals) + 1
        if n < self.least:
            return Verdict(False, f"fewer than {self.least} trials have reached the rung")
        Y = oriented([rung.values, *(rival.values for rival in rivals)], directions(study))
        place, kept = position(Y, 0), math.ceil(n / self.eta)
        return Verdict(
            place > kept,
            f"place {place} of {n} at {rung.at:g}, of which {kept} go on",
            {"place": place, "kept": kept},
        )
