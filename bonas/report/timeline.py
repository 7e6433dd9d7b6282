"""Trials in the order in which their evaluations ended, and when that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial

ENDED = ("measured", "not_finite", "pruned", "stopped", "failed")
"""Outcomes of an evaluation by this search."""


@dataclass(frozen=True)
class Timeline:
    """The trials whose evaluation has ended, the known ones first.

    Attributes:
        trials: In order.
        evaluations: A trial's number -> how many evaluations had ended with it; 0 for known ones.
        seconds: A trial's number -> when it ended, in seconds since the first trial began; without
            trials that do not say.
    """

    trials: tuple[SearchedTrial, ...]
    evaluations: Mapping[int, int]
    seconds: Mapping[int, float]

    @classmethod
    def of(cls, searched: Searched) -> Timeline:
        """Return that of a search."""
        known = [t for t in searched.trials if t.outcome == "known"]
        ended = sorted((t for t in searched.trials if t.outcome in ENDED), key=_order)
        evaluations = {t.number: 0 for t in known}
        evaluations |= {t.number: place for place, t in enumerate(ended, start=1)}
        began = min((instant(t.started) for t in ended if t.started is not None), default=0.0)
        seconds = {
            t.number: max(instant(t.ended) - began, 0.0) for t in ended if t.ended is not None
        }
        seconds |= {t.number: 0.0 for t in known}
        return cls((*known, *ended), evaluations, seconds)

    @property
    def n(self) -> int:
        """How many evaluations have ended."""
        return max(self.evaluations.values(), default=0)


def instant(time: datetime) -> float:
    """Return a time in seconds; of different zones, too."""
    try:
        return time.timestamp()
    except (OverflowError, OSError, ValueError):  # year 1, as another program may say
        return 0.0


def _order(trial: SearchedTrial) -> tuple[float, int]:
    return (instant(trial.ended) if trial.ended is not None else 0.0), trial.number
