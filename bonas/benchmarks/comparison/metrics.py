"""The metrics of a run: how soon, how good, how fast, and how well calibrated.

A metric gives a number for each of its keys ``at``: a number of evaluations, a threshold, an
objective's name, or None where there is one number only.

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

from bonas.benchmarks.comparison.run import ROUNDING, Run, has_spent
from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.scale import Array

MetricKey = int | float | str | None

THRESHOLDS = (5.0, 1.0, 0.1)
"""Gaps in percent."""
SIZES = (10, 25, 50, 100, 150, 200)
"""The numbers of finished trials that the time of an ask is reported at, give or take a tenth."""
LEVELS = (50, 80, 95)
"""Central intervals, in percent."""
_EQUAL = 1e-12  # relative: the rounding of a difference to the best value
_FEWEST = 3  # predictions for a correlation


@dataclass(frozen=True, eq=False)
class Trace:
    """A run over 1, ..., ``budget`` full evaluations; one that was stopped early counts its share.

    A run that ended early, since nothing could improve, keeps its last state; where a run was cut
    off, what is not known is NaN.

    Attributes:
        run: The evaluations.
        reference: The answer that they are judged by.
        budget: Full evaluations per run.
        checkpoints: The numbers of full evaluations to report at.
        tolerances: How close to the best is close enough, in the unit of the one objective.
    """

    run: Run
    reference: Reference
    budget: int
    checkpoints: Sequence[int]
    tolerances: Sequence[float] = ()

    @cached_property
    def spent(self) -> Array:
        """The full evaluations after each of the ``n`` evaluations within the budget."""
        spent = np.cumsum(self.run.spent)
        return spent[spent <= self.budget + ROUNDING]

    @cached_property
    def own_gaps(self) -> Array:
        """The relative hypervolume gap after each evaluation, ``n``."""
        return self.reference.gaps(self.run.values[: len(self.spent)])

    @cached_property
    def own_regrets(self) -> Array:
        """The simple regret after each evaluation, ``n``; NaN with several objectives."""
        if len(self.reference.objectives) > 1:
            return np.full(len(self.spent), np.nan)
        return self.reference.regrets(self.run.values[: len(self.spent)])

    @cached_property
    def gaps(self) -> Array:
        """The relative hypervolume gap after each full evaluation, ``budget``."""
        return self._extend(self.own_gaps)

    @cached_property
    def regrets(self) -> Array:
        """The simple regret after each full evaluation, ``budget``; NaN with several objectives."""
        return self._extend(self.own_regrets)

    def _extend(self, values: Array) -> Array:
        """Return what was reached within 1, ..., ``budget`` full evaluations; NaN where unknown."""
        extended = np.full(self.budget, np.nan)
        if not len(values):
            return extended
        within = np.arange(1, self.budget + 1) + ROUNDING
        extended[:] = values[np.maximum(np.searchsorted(self.spent, within, "right") - 1, 0)]
        if not (self.run.ended or values[-1] == 0.0 or has_spent(self.spent[-1], self.budget)):
            extended[within > self.spent[-1] + 2 * ROUNDING] = np.nan
        return extended

    def first(self, reached: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Return the full evaluations until ``reached`` (``n``) first holds, and 1.

        The budget and 0 where it never holds; NaN where the run was cut off before.
        """
        numbers = np.flatnonzero(reached)
        if len(numbers):
            return float(self.spent[numbers[0]]), 1.0
        if np.isnan(self.gaps[-1]):
            return math.nan, math.nan
        return float(self.budget), 0.0


Metric = Callable[[Trace], Mapping[MetricKey, float]]


def _queries(trace: Trace) -> dict[MetricKey, float]:
    return {} if _several(trace) else {None: trace.first(trace.own_regrets == 0.0)[0]}


def _found(trace: Trace) -> dict[MetricKey, float]:
    return {} if _several(trace) else {None: trace.first(trace.own_regrets == 0.0)[1]}


def _within(trace: Trace) -> dict[MetricKey, float]:
    return {limit: reached[0] for limit, reached in _near(trace).items()}


def _found_within(trace: Trace) -> dict[MetricKey, float]:
    return {limit: reached[1] for limit, reached in _near(trace).items()}


def _near(trace: Trace) -> dict[MetricKey, tuple[float, float]]:
    if _several(trace):
        return {}
    slack = _EQUAL * float(np.abs(trace.reference.best[0]))
    return {t: trace.first(trace.own_regrets <= t + slack) for t in trace.tolerances}


def _regret(trace: Trace) -> dict[MetricKey, float]:
    return {} if _several(trace) else {n: float(trace.regrets[n - 1]) for n in trace.checkpoints}


def _gap(trace: Trace) -> dict[MetricKey, float]:
    return {n: 100.0 * float(trace.gaps[n - 1]) for n in trace.checkpoints}


def _until(trace: Trace) -> dict[MetricKey, float]:
    return {limit: trace.first(100.0 * trace.own_gaps < limit)[0] for limit in THRESHOLDS}


def _reached(trace: Trace) -> dict[MetricKey, float]:
    return {limit: trace.first(100.0 * trace.own_gaps < limit)[1] for limit in THRESHOLDS}


def _seconds(trace: Trace) -> dict[MetricKey, float]:
    seconds = trace.run.seconds[: len(trace.spent)]
    finished = np.arange(len(seconds))  # at the time of the ask
    found: dict[MetricKey, float] = {}
    for size in SIZES:
        if size <= trace.budget:
            near = seconds[np.abs(finished - size) <= max(2, size // 10)]
            near = near[np.isfinite(near)]
            found[size] = float(np.median(near)) if len(near) else math.nan
    return found


def _asks(trace: Trace) -> dict[MetricKey, float]:
    return {name: float(len(outcome)) for name, (_, _, outcome) in _predictions(trace).items()}


def _coverage(level: int) -> Metric:
    most = float(stats.norm.ppf(0.5 + level / 200))

    def share(trace: Trace) -> dict[MetricKey, float]:
        return {name: float((np.abs(z) <= most).mean()) for name, z in _errors(trace).items()}

    return share


def _squared_error(trace: Trace) -> dict[MetricKey, float]:
    return {name: float((z**2).mean()) for name, z in _errors(trace).items()}


def _kendall(trace: Trace) -> dict[MetricKey, float]:
    return _correlations(trace, lambda a, b: float(stats.kendalltau(a, b).statistic))


def _spearman(trace: Trace) -> dict[MetricKey, float]:
    return _correlations(trace, lambda a, b: float(stats.spearmanr(a, b).statistic))


METRICS: dict[str, Metric] = {
    "queries": _queries,
    "found": _found,
    "within": _within,
    "found_within": _found_within,
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
"""The metrics by name.

Evaluations are full ones: one that a rule stopped counts the share that was spent. With one
objective: ``queries``, the evaluations until the optimum was found, the budget where it
was not, and ``found``, 1 where it was; ``within`` and ``found_within``, the same until a value
within a tolerance of the optimum was found, by the tolerances of the comparison; ``regret`` at a
checkpoint, in the objective's unit. Always: ``gap`` at a checkpoint, in percent of the answer's
hypervolume; ``until``, the evaluations until it is below a threshold in percent, the budget where
it never is, and ``reached``, 1 where it is; ``seconds`` of an ask by the number of finished trials.
For each objective, of methods that predict it: ``asks``, the number of predictions; ``coverage_50``
and so on, the share of outcomes inside the central interval of the prediction (taken as normal);
``z2``, the mean squared standardised error, 1 where predictions are calibrated; ``kendall`` and
``spearman``, the rank correlations between mean and outcome.
"""


def _several(trace: Trace) -> bool:
    return len(trace.reference.objectives) > 1


def _predictions(trace: Trace) -> dict[MetricKey, tuple[Array, Array, Array]]:
    """Return mean, sd and outcome of the asks with a prediction, by objective."""
    run = trace.run
    found: dict[MetricKey, tuple[Array, Array, Array]] = {}
    for i, objective in enumerate(trace.reference.objectives):
        columns = np.stack([run.mean[:, i], run.sd[:, i], run.observed[:, i]])
        columns = columns[:, : len(trace.spent)]
        mean, sd, outcome = columns[:, np.isfinite(columns).all(axis=0)]
        if len(mean):
            found[objective.name] = mean, sd, outcome
    return found


def _errors(trace: Trace) -> dict[MetricKey, Array]:
    """Return ``z = (outcome - mean) / sd`` by objective."""
    return {
        name: (outcome - mean) / np.maximum(sd, np.finfo(np.float64).tiny)
        for name, (mean, sd, outcome) in _predictions(trace).items()
    }


def _correlations(
    trace: Trace, correlation: Callable[[Array, Array], float]
) -> dict[MetricKey, float]:
    """Return correlations; NaN for few predictions, or equal means or outcomes."""
    found: dict[MetricKey, float] = {}
    for name, (mean, _, outcome) in _predictions(trace).items():
        defined = len(mean) >= _FEWEST and np.ptp(mean) > 0 and np.ptp(outcome) > 0
        found[name] = correlation(mean, outcome) if defined else math.nan
    return found
