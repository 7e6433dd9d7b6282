"""Budgets: how much a study evaluates in all, counted in full evaluations or in time.

==============  ===============================================  ================================
budget          what is spent                                    an evaluation begins if
==============  ===============================================  ================================
evaluations     1 per proposal that was measured, failed or was  what is spent, 1 per running
(``40``)        pruned by its evaluation; the share of its       trial and 1 for itself are within
                training for one that a rule stopped             the budget
time            the seconds from begin to end of the same        what is spent, and the mean time
(``"4h"``)      trials, their proposals included, summed over    of the finished trials for each
                workers and sessions                             running one, are below the budget
==============  ===============================================  ================================

So with evaluations no more than the budget is ever begun, by any number of workers, and less than
one full evaluation of it is left at the end. With time the evaluations under way when it is used
are finished. What was known before, and trials that were given up unmeasured, count nothing.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from optuna import Study
from optuna.trial import FrozenTrial

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import index_of
from bonas.studies.outcomes import counts, is_open, share_of
from bonas.studies.records import BUDGET, SECONDS

Given = int | str | timedelta
"""How a user gives a budget: ``40``, ``"4h"``, ``"1h 30min"``, ``"30s"``, a ``timedelta``."""

_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*")
_ROUNDING: Final = 1e-9  # of sums of shares


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a study evaluates.

    Attributes:
        amount: Full evaluations, or seconds; 0 allows none.
        unit: Which of the two.
    """

    amount: float
    unit: Literal["evaluations", "seconds"] = "evaluations"

    @classmethod
    def given(cls, budget: object) -> Budget:
        """Return the budget that a user gives.

        Raises:
            InvalidArgument: if it is neither a whole number of at least 1 nor a time above 0.
        """
        if isinstance(budget, (str, timedelta)):
            seconds = budget.total_seconds() if isinstance(budget, timedelta) else _seconds(budget)
            if not 0 < seconds < math.inf:
                raise InvalidArgument(
                    f"expected a budget as a number of evaluations or as a time, got {budget!r}; "
                    'give one such as 40, "4h", "1h 30min" or "30s"'
                )
            return cls(seconds, "seconds")
        return cls(float(check_count("budget", budget)))

    def write(self, study: Study) -> None:
        """Store it as the study's."""
        is_time = self.unit == "seconds"
        BUDGET.write(study, {"seconds": self.amount} if is_time else int(self.amount))

    def spent(self, known: Sequence[FrozenTrial], reopened: int) -> float:
        """Return how much of it trials have used, where failures below ``reopened`` are open."""
        if self.unit == "seconds":
            return math.fsum(seconds_of(trial) for trial in known if counts(trial))
        return full_evaluations(known, reopened)

    def is_used(self, known: Sequence[FrozenTrial], reopened: int) -> bool:
        """Return whether nothing more is to be begun, whatever becomes of what is running."""
        return not self._allows(self.spent(known, reopened))

    def has_room(self, known: Sequence[FrozenTrial], reopened: int, running: int) -> bool:
        """Return whether an evaluation may begin beside ``running`` others."""
        each = _mean_seconds(known) if self.unit == "seconds" else 1.0
        return self._allows(self.spent(known, reopened) + running * each)

    def left(self, known: Sequence[FrozenTrial], reopened: int) -> int:
        """Return how many full evaluations are left; of time, by their mean length so far."""
        rest = self.amount - self.spent(known, reopened)
        if self.unit == "seconds":
            mean = _mean_seconds(known)
            return math.ceil(rest / mean) if mean and rest > 0 else 0
        return max(0, math.floor(rest + _ROUNDING))

    @property
    def most(self) -> int:
        """The number of evaluations that it certainly ends before; large for time."""
        return sys.maxsize if self.unit == "seconds" else int(self.amount)

    def __bool__(self) -> bool:
        """Return whether it allows anything."""
        return self.amount > 0

    def __str__(self) -> str:
        """Return it as text: ``40``, or ``4 h``."""
        if self.unit == "evaluations":
            return f"{self.amount:g}"
        unit = next(u for u in ("d", "h", "min", "s") if u == "s" or self.amount >= 2 * _UNITS[u])
        return f"{self.amount / _UNITS[unit]:.4g} {unit}"

    def _allows(self, used: float) -> bool:
        """Return whether an evaluation may begin where so much is used."""
        if self.unit == "seconds":
            return used < self.amount
        return used + 1 <= self.amount + _ROUNDING


def budget_of(study: Study) -> Budget:
    """Return the budget of a study; one of 0 evaluations before anybody has said."""
    stored: int | dict[str, Any] = BUDGET.read(study) or 0
    if isinstance(stored, dict):
        return Budget(float(stored["seconds"]), "seconds")
    return Budget(float(stored))


def full_evaluations(known: Iterable[FrozenTrial], reopened: int) -> float:
    """Return how many full evaluations trials stand for: less than 1 for what a rule stopped.

    Of a proposal that two workers have stored, the longer evaluation counts.
    """
    shares: dict[object, float] = {}
    for trial in known:
        if counts(trial) and not is_open(trial, reopened):
            key = (index_of(trial), *trial.params.items())
            shares[key] = max(share_of(trial), shares.get(key, 0.0))
    return math.fsum(shares.values())


def seconds_of(trial: FrozenTrial) -> float:
    """Return how long a finished trial took; of a copy, how long the original took."""
    stored = SECONDS.read(trial)
    if stored is not None:
        return stored
    if trial.datetime_start is None or trial.datetime_complete is None:
        return 0.0
    return max(0.0, (trial.datetime_complete - trial.datetime_start).total_seconds())


def _mean_seconds(known: Sequence[FrozenTrial]) -> float:
    """Return the mean time of the trials that count; 0 if there is none."""
    times = [seconds_of(trial) for trial in known if counts(trial)]
    return math.fsum(times) / len(times) if times else 0.0


def _seconds(text: str) -> float:
    """Return the seconds in a text such as ``1h 30min``; NaN if it is none.

    >>> _seconds("1h 30min"), _seconds("0.5 h"), _seconds("forever")
    (5400.0, 1800.0, nan)
    """
    parts, end = [], 0
    for found in _PART.finditer(text.strip()):
        if found.start() != end:
            return math.nan
        parts.append(float(found[1]) * _UNITS[found[2]])
        end = found.end()
    return math.fsum(parts) if parts and end == len(text.strip()) else math.nan
