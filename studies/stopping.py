"""Stopping rules: what decides during an evaluation whether its candidate is worth the rest."""

from __future__ import annotations

from typing import Protocol

from optuna import Study

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.record import Record


class StoppingRule(Protocol):
    """Anything that looks at an evaluation after each of its measurements.

    It is called in the process that evaluates, under torch's settings as the program has them.
    """

    def __call__(self, study: Study, candidate: Candidate, record: Record, /) -> str | None:
        """Return why the evaluation is to stop; None if it is to go on.

        Args:
            study: With all trials; that of the candidate is running.
            candidate: Which is being evaluated.
            record: What was measured of it so far.
        """
        ...
