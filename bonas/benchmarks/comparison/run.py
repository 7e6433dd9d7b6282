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
from bonas.studies.proposing.observations import PREDICTION, stored

SETTINGS = "bonas:run"
"""The study's user attribute with the budget, the versions and the answer, none of which decide
whether two runs are the same."""
ENDED = "bonas:ended"
"""The study's user attribute that says that nothing could change any more: the run ended early."""
ASK_SECONDS = "bonas:ask_seconds"
"""The trial's user attribute that says how long the method thought about it."""
TRUTH = "bonas:truth"
"""The trial's user attribute with the exact values, where they are known."""


class Key(NamedTuple):
    """Which run: ``str(key)`` is the name of its study."""

    problem: str
    method: str
    seed: int

    def __str__(self) -> str:
        return f"{self.problem}/{self.method}/{self.seed}"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What was evaluated, in order.

    Attributes:
        key: Which run it is.
        signal: What the evaluations showed.
        values: The exact values, ``n x m``; a failed evaluation is a row of NaN.
        told: What the method was told, ``n x m``.
        seconds: Of each ask, ``n``.
        mean: What the method expected of each, ``n x m``; NaN where it said nothing.
        sd: How sure it was, ``n x m``.
        ended: Whether nothing could change any more.
    """

    key: Key
    signal: str
    values: Array
    told: Array
    seconds: Array
    mean: Array
    sd: Array
    ended: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def failed(self) -> int:
        """How many evaluations failed."""
        return int(np.isnan(self.values).any(axis=1).sum())

    @classmethod
    def of(
        cls, key: Key, signal: str, m: int, trials: Sequence[FrozenTrial], *, ended: bool
    ) -> Run:
        """The finished trials of a study of ``m`` objectives."""
        beliefs = [_prediction(trial, m) for trial in trials]
        told = [trial.values if trial.values else [np.nan] * m for trial in trials]
        values = [t.user_attrs.get(TRUTH, v) for t, v in zip(trials, told, strict=True)]
        return cls(
            key,
            signal,
            values=_rows(values, m),
            told=_rows(told, m),
            seconds=np.array([t.user_attrs.get(ASK_SECONDS, np.nan) for t in trials], np.float64),
            mean=_rows([belief["mean"] for belief in beliefs], m),
            sd=_rows([belief["sd"] for belief in beliefs], m),
            ended=ended,
        )


def _prediction(trial: FrozenTrial, m: int) -> Mapping[str, Any]:
    return {"mean": [np.nan] * m, "sd": [np.nan] * m, **stored(trial, PREDICTION)}


def _rows(rows: Sequence[Sequence[float]], m: int) -> Array:
    return np.array(rows, np.float64).reshape(-1, m)
