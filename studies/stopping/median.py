"""The median rule: stop what is worse than the median of the others at the same rung.

With one objective that is the rule of Vizier (Golovin et al., 2017). With several, a trial is worse
the more others dominate it: it is stopped if they are more than the median of these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from optuna import Study

from bonas.arguments import check_count
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import oriented
from bonas.evaluation.record import Record
from bonas.studies.records import directions
from bonas.studies.stopping.dominance import dominators
from bonas.studies.stopping.rung_rule import RungRule, Verdict
from bonas.studies.stopping.rungs import Rung


@dataclass(frozen=True)
class MedianRule(RungRule):
    """Stops a trial that more others dominate at a rung than the median trial.

    Args:
        least: Other trials at a rung before any is stopped.
        rungs, unstopped, by_training: As ``RungRule`` takes them.

    Raises:
        InvalidArgument: for an argument out of its range.
    """

    least: int = 5
    name: ClassVar[str] = "median"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("least", self.least)

    def verdict(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung, rivals: Sequence[Rung]
    ) -> Verdict:
        """Return whether more rivals dominate the candidate than the median trial."""
        if len(rivals) < self.least:
            return Verdict(False, f"fewer than {self.least} others have reached the rung")
        Y = oriented([rung.values, *(rival.values for rival in rivals)], directions(study))
        counts = dominators(Y).sum(0)
        own, median = int(counts[0]), float(np.median(counts))
        return Verdict(
            own > median,
            f"dominated by {own} of {len(rivals)} at {rung.at:g}, the median trial by {median:g}",
            {"dominated_by": own, "median": median},
        )
