"""What came of a comparison: its runs, and what is measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.comparison.metrics import MEASURES, At, Trace
from bonas.benchmarks.comparison.reference import Reference
from bonas.benchmarks.comparison.run import Key, Run
from bonas.benchmarks.comparison.statistics import PairedTest, holm, mean_ranks, paired_test
from bonas.benchmarks.tables.scale import Array
from bonas.errors import unknown

CHECKPOINTS = (25, 50, 100, 150, 200)
"""After how many evaluations to look; those beyond the budget do not count, and its end does."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of several methods on several problems.

    Attributes:
        problems: A name -> what its runs are judged by.
        methods: Their names; the first is the baseline where none is named.
        seeds: One run each, of every method on every problem.
        budget: The evaluations of a run.
        runs: Which run -> what was evaluated; one that was not begun is missing.
        checkpoints: After how many evaluations to look.
        versions: What computed the runs, such as ``torch 2.9.0``.
    """

    problems: Mapping[str, Reference]
    methods: Sequence[str]
    seeds: Sequence[int]
    budget: int
    runs: Mapping[Key, Run]
    checkpoints: Sequence[int] = CHECKPOINTS
    versions: Sequence[str] = ()

    def array(self, measure: str, at: At = None) -> Array:
        """A measure of all runs, ``problems x methods x seeds``.

        NaN where there is no run, it was cut off before, or the measure does not apply.

        Raises:
            InvalidArgument: for an unknown measure, or a place where it does not look.
        """
        places = self.places(measure)
        if at not in places:
            raise unknown(f"place of the measure {measure!r}:", at, map(str, places))
        found = np.full((len(self.problems), len(self.methods), len(self.seeds)), np.nan)
        for i, problem in enumerate(self.problems):
            for j, method in enumerate(self.methods):
                for k, seed in enumerate(self.seeds):
                    run = self._measured.get(Key(problem, method, seed), {})
                    found[i, j, k] = run.get((measure, at), np.nan)
        return found

    def values(self, problem: str, measure: str, at: At = None) -> dict[str, Array]:
        """A measure of one problem: a method -> its value for each seed.

        Raises:
            InvalidArgument: for an unknown problem or measure, or a place where it does not look.
        """
        self._require(problem)
        found = self.array(measure, at)[list(self.problems).index(problem)]
        return dict(zip(self.methods, found, strict=True))

    def places(self, measure: str) -> tuple[At, ...]:
        """Where a measure looks: its ``at``, over all problems.

        Raises:
            InvalidArgument: for an unknown measure.
        """
        if measure not in MEASURES:
            raise unknown("measure", measure, MEASURES)
        found = [at for run in self._measured.values() for name, at in run if name == measure]
        return tuple(dict.fromkeys(found))

    def tests(
        self, problem: str, measure: str, at: At = None, *, baseline: str | None = None
    ) -> dict[str, PairedTest]:
        """The baseline against each other method, paired by seed, Holm-corrected as one family.

        Raises:
            InvalidArgument: for an unknown problem, measure, place or baseline.
        """
        first = self.checked_baseline(baseline)
        values = self.values(problem, measure, at)
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

    def main(self, problem: str) -> tuple[str, At]:
        """The measure that ranks the methods, and its place.

        The evaluations till the optimum with one objective, the gap at the end with more.
        """
        self._require(problem)
        one = len(self.problems[problem].objectives) == 1
        return ("queries", None) if one else ("gap", self.looks[-1])

    def ranks(self, problems: Sequence[str] | None = None) -> dict[str, float]:
        """The mean rank of each method over the problems (all of them) by their main measures.

        A problem that a method is left out of does not count for it.

        Raises:
            InvalidArgument: for an unknown problem.
        """
        chosen = self.problems if problems is None else problems
        scores = [_means(self.values(problem, *self.main(problem))) for problem in chosen]
        columns = [[score[method] for score in scores] for method in self.methods]
        return dict(zip(self.methods, mean_ranks(columns).tolist(), strict=True))

    def left_out(self, problem: str) -> dict[str, str]:
        """A method that has no run of the problem -> why."""
        missing = [
            m for m in self.methods if not any((problem, m, s) in self.runs for s in self.seeds)
        ]
        one = len(self.problems[problem].objectives) == 1
        known = {m for m in missing if not one and m in METHODS and not METHODS[m].several}
        return {m: "for one objective only" if m in known else "not run" for m in missing}

    def checked_baseline(self, baseline: str | None) -> str:
        """The method that the others are tested against, the first where none is named.

        Raises:
            InvalidArgument: if there is no such method.
        """
        name = self.methods[0] if baseline is None else baseline
        if name not in self.methods:
            raise unknown("baseline", name, self.methods)
        return name

    @property
    def looks(self) -> tuple[int, ...]:
        """The checkpoints within the budget, and its end."""
        return tuple(sorted({*(n for n in self.checkpoints if n < self.budget), self.budget}))

    @cached_property
    def traces(self) -> dict[Key, Trace]:
        """Each run as seen after 1, ..., ``budget`` evaluations."""
        return {
            key: Trace(run, self.problems[key.problem], self.budget, self.looks)
            for key, run in self.runs.items()
        }

    @cached_property
    def _measured(self) -> dict[Key, dict[tuple[str, At], float]]:
        return {
            key: {
                (name, at): value
                for name, compute in MEASURES.items()
                for at, value in compute(trace).items()
            }
            for key, trace in self.traces.items()
        }

    def tidy(self) -> list[tuple[str, str, int, str, At, float]]:
        """One row a number: problem, method, seed, measure, at, value."""
        return [
            (*key, name, at, value)
            for key, run in self._measured.items()
            for (name, at), value in run.items()
        ]

    def _require(self, problem: str) -> None:
        if problem not in self.problems:
            raise unknown("problem", problem, self.problems)


def _means(values: Mapping[str, Array]) -> dict[str, float]:
    """The mean over the seeds that have a value."""
    means = {}
    for method, row in values.items():
        known = row[np.isfinite(row)]
        means[method] = float(known.mean()) if len(known) else np.nan
    return means
