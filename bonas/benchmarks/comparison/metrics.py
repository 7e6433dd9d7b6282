"""What is measured of a run: how soon, how well, how fast, and how honest its beliefs were.

A measure gives a number for each place ``at`` where it looks: a number of evaluations, a threshold,
an objective's name, or None where there is one place only.

Source: Gneiting, Balabdaoui and Raftery (2007), "Probabilistic forecasts, calibration and
sharpness", JRSS B 69.

Symbols: ``n`` evaluations in their order, ``m`` objectives, ``z`` standardised errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from bonas.benchmarks.comparison.reference import Reference
from bonas.benchmarks.comparison.run import Run
from bonas.benchmarks.tables.scale import Array

At = int | float | str | None

THRESHOLDS = (5.0, 1.0, 0.1)
"""Gaps in percent."""
SIZES = (10, 25, 50, 100, 150, 200)
"""How many trials are finished when the time of an ask is looked at, about a tenth up or down."""
LEVELS = (50, 80, 95)
"""Central intervals, in percent."""
_FEWEST = 3  # beliefs that a correlation is computed of


@dataclass(frozen=True, eq=False)
class Trace:
    """A run as seen after 1, ..., ``budget`` evaluations.

    Where a run ended early since nothing could change any more, its last state holds; where it was
    cut off, what is not known is NaN.
    """

    run: Run
    reference: Reference
    budget: int
    checkpoints: Sequence[int]

    @cached_property
    def gaps(self) -> Array:
        """The relative hypervolume gap, ``budget``."""
        return self._held(self.reference.gaps(self.run.values[: self.budget]))

    @cached_property
    def regrets(self) -> Array:
        """The simple regret, ``budget``; all NaN with several objectives."""
        if len(self.reference.objectives) > 1:
            return np.full(self.budget, np.nan)
        return self._held(self.reference.regrets(self.run.values[: self.budget]))

    def _held(self, values: Array) -> Array:
        held = np.full(self.budget, np.nan)
        held[: len(values)] = values
        if len(values) and (self.run.ended or values[-1] == 0.0):
            held[len(values) :] = values[-1]
        return held

    def first(self, reached: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """The number of the first evaluation where that holds, and whether there is one.

        The budget and 0 where it does not; NaN where the run was cut off before.
        """
        numbers = np.flatnonzero(reached)
        if len(numbers):
            return float(numbers[0] + 1), 1.0
        if np.isnan(self.gaps[-1]):
            return math.nan, math.nan
        return float(self.budget), 0.0


Compute = Callable[[Trace], Mapping[At, float]]


def _queries(trace: Trace) -> dict[At, float]:
    return {} if _several(trace) else {None: trace.first(trace.regrets == 0.0)[0]}


def _found(trace: Trace) -> dict[At, float]:
    return {} if _several(trace) else {None: trace.first(trace.regrets == 0.0)[1]}


def _regret(trace: Trace) -> dict[At, float]:
    return {} if _several(trace) else {n: float(trace.regrets[n - 1]) for n in trace.checkpoints}


def _gap(trace: Trace) -> dict[At, float]:
    return {n: 100.0 * float(trace.gaps[n - 1]) for n in trace.checkpoints}


def _until(trace: Trace) -> dict[At, float]:
    return {limit: trace.first(100.0 * trace.gaps < limit)[0] for limit in THRESHOLDS}


def _reached(trace: Trace) -> dict[At, float]:
    return {limit: trace.first(100.0 * trace.gaps < limit)[1] for limit in THRESHOLDS}


def _seconds(trace: Trace) -> dict[At, float]:
    seconds = trace.run.seconds[: trace.budget]
    finished = np.arange(len(seconds))  # at the time of the ask
    found: dict[At, float] = {}
    for size in SIZES:
        if size <= trace.budget:
            near = seconds[np.abs(finished - size) <= max(2, size // 10)]
            near = near[np.isfinite(near)]
            found[size] = float(np.median(near)) if len(near) else math.nan
    return found


def _asks(trace: Trace) -> dict[At, float]:
    return {name: float(len(outcome)) for name, (_, _, outcome) in _beliefs(trace).items()}


def _coverage(level: int) -> Compute:
    most = float(stats.norm.ppf(0.5 + level / 200))

    def share(trace: Trace) -> dict[At, float]:
        return {name: float((np.abs(z) <= most).mean()) for name, z in _errors(trace).items()}

    return share


def _squared_error(trace: Trace) -> dict[At, float]:
    return {name: float((z**2).mean()) for name, z in _errors(trace).items()}


def _kendall(trace: Trace) -> dict[At, float]:
    return _correlations(trace, lambda a, b: float(stats.kendalltau(a, b).statistic))


def _spearman(trace: Trace) -> dict[At, float]:
    return _correlations(trace, lambda a, b: float(stats.spearmanr(a, b).statistic))


MEASURES: dict[str, Compute] = {
    "queries": _queries,
    "found": _found,
    "regret": _regret,
    "gap": _gap,
    "until": _until,
    "reached": _reached,
    "seconds": _seconds,
    "asks": _asks,
    **{f"coverage_{level}": _coverage(level) for level in LEVELS},
    "z2": _squared_error,
    "kendall": _kendall,
    "spearman": _spearman,
}
"""A name -> what computes it.

With one objective: ``queries``, the evaluations till the optimum was found, the budget where it was
not, and ``found``, 1 where it was; ``regret`` at a checkpoint, in the objective's unit. Always:
``gap`` at a checkpoint, in percent of the answer's hypervolume; ``until``, the evaluations till it
is below a threshold in percent, the budget where it never is, and ``reached``, 1 where it is;
``seconds`` of an ask with so many trials finished. Of beliefs about each objective, where a method
states them: the number of such ``asks``; ``coverage_50`` and so on, the share of outcomes inside
the central interval of the belief (taken as normal); ``z2``, the mean squared standardised error, 1
where the beliefs are honest; ``kendall`` and ``spearman``, rank correlations between the expected
value and the outcome.
"""


def _several(trace: Trace) -> bool:
    return len(trace.reference.objectives) > 1


def _beliefs(trace: Trace) -> dict[At, tuple[Array, Array, Array]]:
    """An objective's name -> mean, sd and outcome of each ask with a belief; none without any."""
    run = trace.run
    found: dict[At, tuple[Array, Array, Array]] = {}
    for i, objective in enumerate(trace.reference.objectives):
        columns = np.stack([run.mean[:, i], run.sd[:, i], run.told[:, i]])[:, : trace.budget]
        mean, sd, outcome = columns[:, np.isfinite(columns).all(axis=0)]
        if len(mean):
            found[objective.name] = mean, sd, outcome
    return found


def _errors(trace: Trace) -> dict[At, Array]:
    """``z = (outcome - mean) / sd``."""
    return {
        name: (outcome - mean) / np.maximum(sd, np.finfo(np.float64).tiny)
        for name, (mean, sd, outcome) in _beliefs(trace).items()
    }


def _correlations(trace: Trace, correlation: Callable[[Array, Array], float]) -> dict[At, float]:
    """NaN for few beliefs, or where all means or all outcomes are the same."""
    found: dict[At, float] = {}
    for name, (mean, _, outcome) in _beliefs(trace).items():
        defined = len(mean) >= _FEWEST and np.ptp(mean) > 0 and np.ptp(outcome) > 0
        found[name] = correlation(mean, outcome) if defined else math.nan
    return found
