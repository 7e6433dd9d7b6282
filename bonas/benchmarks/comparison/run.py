"""One run of a comparison: a method on a problem with a seed, as the storage remembers it.

Symbols: ``n`` evaluations in their order, ``m`` objectives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from optuna.trial import FrozenTrial

from bonas.benchmarks.tables.scale import Array
from bonas.studies.outcomes import share_of
from bonas.studies.records import PREDICTION

SETTINGS = "bonas:run"
"""The study's user attribute with the budget, the versions and the answer, which do not identify a
run."""
ENDED = "bonas:ended"
"""The study's user attribute that marks a run that ended early, since nothing could improve."""
ASK_SECONDS = "bonas:ask_seconds"
"""The trial's user attribute with the seconds that the method took to propose it."""
TRUTH = "bonas:truth"
"""The trial's user attribute with the exact values, where they are known."""
STUDY_CHANGES = "bonas:study"
"""The trial's system attribute with those of the study that changed while it ran."""


ROUNDING = 1e-9
"""Of sums of shares of full evaluations."""


def has_spent(full_evaluations: float, budget: int) -> bool:
    """Return whether no full evaluation fits into a budget any more."""
    return full_evaluations + 1 > budget + ROUNDING


class RunKey(NamedTuple):
    """The identity of a run; ``str(key)`` is the name of its study."""

    problem: str
    method: str
    seed: int

    def __str__(self) -> str:
        return f"{self.problem}/{self.method}/{self.seed}"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The evaluations of a run, in order.

    Attributes:
        key: The identity of the run.
        signal: The signal of the evaluations.
        values: The exact values, ``n x m``; a failed evaluation is a row of NaN.
        observed: The values that the method observed, ``n x m``.
        seconds: The seconds of each ask, ``n``.
        mean: The predicted means at the time of the ask, ``n x m``; NaN without a prediction.
        sd: The predicted standard deviations, ``n x m``.
        spent: The share of a full evaluation that each took, ``n``: below 1 where it was stopped.
        ended: Whether the run ended early, since nothing could improve.
    """

    key: RunKey
    signal: str
    values: Array
    observed: Array
    seconds: Array
    mean: Array
    sd: Array
    spent: Array
    ended: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def failed(self) -> int:
        """The number of evaluations that failed."""
        return int((np.isnan(self.values).any(axis=1) & (self.spent == 1.0)).sum())

    @property
    def stopped(self) -> int:
        """The number of evaluations that a rule stopped early."""
        return int((self.spent < 1.0).sum())

    @classmethod
    def of(
        cls, key: RunKey, signal: str, m: int, trials: Sequence[FrozenTrial], *, ended: bool
    ) -> Run:
        """Read the finished trials of a study with ``m`` objectives."""
        predictions = [_prediction(trial, m) for trial in trials]
        observed = [trial.values if trial.values else [np.nan] * m for trial in trials]
        values = [t.user_attrs.get(TRUTH, v) for t, v in zip(trials, observed, strict=True)]
        return cls(
            key,
            signal,
            values=_rows(values, m),
            observed=_rows(observed, m),
            seconds=np.array([t.user_attrs.get(ASK_SECONDS, np.nan) for t in trials], np.float64),
            mean=_rows([each["mean"] for each in predictions], m),
            sd=_rows([each["sd"] for each in predictions], m),
            spent=np.array([share_of(trial) for trial in trials], np.float64),
            ended=ended,
        )


def _prediction(trial: FrozenTrial, m: int) -> Mapping[str, Any]:
    return {"mean": [np.nan] * m, "sd": [np.nan] * m, **(PREDICTION.read(trial) or {})}


def _rows(rows: Sequence[Sequence[float]], m: int) -> Array:
    return np.array(rows, np.float64).reshape(-1, m)
