"""The result of a comparison: its runs, their metrics, and the tests between methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bonas.arguments import check_range
from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.comparison.metrics import METRICS, MetricKey, Trace
from bonas.benchmarks.comparison.run import Run, RunKey
from bonas.benchmarks.comparison.statistics import PairedTest, holm, mean_ranks, paired_test
from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument, unknown

CHECKPOINTS = (25, 50, 100, 150, 200)
"""The numbers of evaluations to report at: those below the budget, and the budget itself."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of several methods on several problems.

    Attributes:
        problems: The reference of each problem, by name.
        methods: The names of the methods; the first is the default baseline of the tests.
        seeds: The seeds, with one run each of every method on every problem.
        budget: Evaluations per run.
        runs: The runs by key; one that was not begun is missing.
        checkpoints: The numbers of evaluations to report at.
        versions: The versions that computed the runs, such as ``torch 2.9.0``.
        within: How close to the best is close enough, in the unit of the one objective: where the
            very best is luck, evaluations are counted until a value so close is found.
    """

    problems: Mapping[str, Reference]
    methods: Sequence[str]
    seeds: Sequence[int]
    budget: int
    runs: Mapping[RunKey, Run]
    checkpoints: Sequence[int] = CHECKPOINTS
    versions: Sequence[str] = ()
    within: Sequence[float] = ()

    def array(self, metric: str, at: MetricKey = None) -> Array:
        """Return a metric of all runs, ``problems x methods x seeds``.

        NaN where there is no run, it was cut off before, or the metric does not apply.

        Raises:
            InvalidArgument: for an unknown metric, or a key that it does not have.
        """
        keys = self.keys(metric)
        if at not in keys:
            raise unknown(f"key of the metric {metric!r}:", at, map(str, keys))
        found = np.full((len(self.problems), len(self.methods), len(self.seeds)), np.nan)
        for i, problem in enumerate(self.problems):
            for j, method in enumerate(self.methods):
                for k, seed in enumerate(self.seeds):
                    run = self._metrics.get(RunKey(problem, method, seed), {})
                    found[i, j, k] = run.get((metric, at), np.nan)
        return found

    def values(self, problem: str, metric: str, at: MetricKey = None) -> dict[str, Array]:
        """Return a metric of one problem for each seed, by method.

        Raises:
            InvalidArgument: for an unknown problem or metric, or a key that it does not have.
        """
        self._require(problem)
        found = self.array(metric, at)[list(self.problems).index(problem)]
        return dict(zip(self.methods, found, strict=True))

    def keys(self, metric: str) -> tuple[MetricKey, ...]:
        """Return the keys of a metric, the possible ``at``, over all problems.

        Raises:
            InvalidArgument: for an unknown metric.
        """
        if metric not in METRICS:
            raise unknown("metric", metric, METRICS)
        found = [at for run in self._metrics.values() for name, at in run if name == metric]
        return tuple(dict.fromkeys(found))

    def tests(
        self, problem: str, metric: str, at: MetricKey = None, *, baseline: str | None = None
    ) -> dict[str, PairedTest]:
        """Test the baseline against each other method, paired by seed, with Holm's correction.

        Raises:
            InvalidArgument: for an unknown problem, metric, key or baseline.
        """
        first = self.checked_baseline(baseline)
        values = self.values(problem, metric, at)
        own = values.pop(first)
        tests = {
            method: paired_test(own, other)
            for method, other in values.items()
            if method not in self.left_out(problem)
        }
        adjusted = holm([test.p for test in tests.values()])
        return {
            method: replace(test, adjusted=float(p))
            for (method, test), p in zip(tests.items(), adjusted, strict=True)
        }

    def main_metric(self, problem: str) -> tuple[str, MetricKey]:
        """Return the metric that ranks the methods, and its key.

        The evaluations until the optimum with one objective, the gap at the end with several.

        Raises:
            InvalidArgument: for an unknown problem.
        """
        self._require(problem)
        one = len(self.problems[problem].objectives) == 1
        return ("queries", None) if one else ("gap", self.budget)

    def ranks(self, problems: Sequence[str] | None = None) -> dict[str, float]:
        """Return the mean rank of each method over the problems (by default all), by main metric.

        A problem that a method is left out of does not count for it.

        Raises:
            InvalidArgument: for an unknown problem.
        """
        chosen = self.problems if problems is None else problems
        scores = [_means(self.values(problem, *self.main_metric(problem))) for problem in chosen]
        columns = [[score[method] for score in scores] for method in self.methods]
        return dict(zip(self.methods, mean_ranks(columns).tolist(), strict=True))

    def left_out(self, problem: str) -> dict[str, str]:
        """Return the methods without a run of the problem, with the reason.

        Raises:
            InvalidArgument: for an unknown problem.
        """
        self._require(problem)
        missing = [
            m for m in self.methods if not any((problem, m, s) in self.runs for s in self.seeds)
        ]
        one = len(self.problems[problem].objectives) == 1
        known = {m for m in missing if not one and m in METHODS and not METHODS[m].multi_objective}
        return {m: "for one objective only" if m in known else "not run" for m in missing}

    def checked_baseline(self, baseline: str | None) -> str:
        """Return the method that the others are tested against, by default the first.

        Raises:
            InvalidArgument: if there is no such method.
        """
        name = self.methods[0] if baseline is None else baseline
        if name not in self.methods:
            raise unknown("baseline", name, self.methods)
        return name

    @property
    def effective_checkpoints(self) -> tuple[int, ...]:
        """The checkpoints within the budget, and its end."""
        return tuple(sorted({*(n for n in self.checkpoints if n < self.budget), self.budget}))

    @cached_property
    def traces(self) -> dict[RunKey, Trace]:
        """The traces of all runs over 1, ..., ``budget`` evaluations."""
        return {
            key: Trace(
                run,
                self.problems[key.problem],
                self.budget,
                self.effective_checkpoints,
                self.within,
            )
            for key, run in self.runs.items()
        }

    @cached_property
    def _metrics(self) -> dict[RunKey, dict[tuple[str, MetricKey], float]]:
        return {
            key: {
                (name, at): value
                for name, compute in METRICS.items()
                for at, value in compute(trace).items()
            }
            for key, trace in self.traces.items()
        }

    def tidy(self) -> list[tuple[str, str, int, str, MetricKey, float]]:
        """Return one row per number: problem, method, seed, metric, at, value."""
        return [
            (*key, name, at, value)
            for key, run in self._metrics.items()
            for (name, at), value in run.items()
        ]

    def _require(self, problem: str) -> None:
        if problem not in self.problems:
            raise unknown("problem", problem, self.problems)


def _means(values: Mapping[str, Array]) -> dict[str, float]:
    """Return the mean over the seeds that have a value."""
    means = {}
    for method, row in values.items():
        known = row[np.isfinite(row)]
        means[method] = float(known.mean()) if len(known) else np.nan
    return means


def check_tolerances(given: object) -> tuple[float, ...]:
    """Return tolerances as different numbers, in rising order.

    Raises:
        InvalidArgument: if they are no list of finite numbers of at least 0.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InvalidArgument(f"within must be a list of tolerances such as [0.4], got {given!r}")
    for tolerance in given:
        check_range("a tolerance", tolerance, 0.0, math.inf)
    return tuple(sorted({float(tolerance) for tolerance in given}))
