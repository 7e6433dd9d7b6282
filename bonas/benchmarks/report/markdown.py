"""A comparison as Markdown: the ranks over all problems, then one section per problem."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bonas.benchmarks.comparison import Comparison
from bonas.benchmarks.comparison.metrics import LEVELS, SIZES, THRESHOLDS, MetricKey
from bonas.benchmarks.comparison.statistics import PairedTest, mean_interval
from bonas.benchmarks.tables.scale import Array

_PREFACE = """\
# Comparison of search methods

{budget} full evaluations per run, the initial random ones included; {seeds}; {methods}.
Computed with {versions}.

Numbers are means over the seeds [95 % interval of the mean, BCa bootstrap]. Tests: {baseline} \
against each other method, Wilcoxon's signed-rank test, two-sided, paired by seed, equal pairs \
split between both sides (zsplit); p after Holm's correction over its column. r is the \
rank-biserial correlation: 1 where {baseline} was better with every seed, -1 where the other was.
The gap is the share of the answer's hypervolume that is missing, each objective scaled from the \
best (0) to the worst (1); with one objective it is the scaled regret.
"""


def markdown(
    comparison: Comparison,
    *,
    baseline: str | None = None,
    figures: Mapping[str, str] | None = None,
    seconds: str | None = None,
) -> str:
    """Return the report.

    Args:
        comparison: The comparison to report.
        baseline: The method that the others are tested against, by default the first.
        figures: The file of each problem's trace figure.
        seconds: The file of the figure of seconds per ask.

    Raises:
        InvalidArgument: for a baseline that is not a method of the comparison.
    """
    first = comparison.checked_baseline(baseline)
    parts = [_preface(comparison, first), _ranks(comparison)]
    for problem in comparison.problems:
        page = _Page(comparison, problem, first)
        parts.append(page.section((figures or {}).get(problem)))
    if seconds is not None:
        parts.append(f"## Seconds per ask\n\n![seconds per ask]({seconds})\n")
    return "\n".join(parts)


def _preface(comparison: Comparison, baseline: str) -> str:
    seeds = ", ".join(map(str, comparison.seeds))
    return _PREFACE.format(
        budget=comparison.budget,
        seeds=f"{_count(len(comparison.seeds), 'seed')} ({seeds})",
        methods=f"{_count(len(comparison.methods), 'method')} ({', '.join(comparison.methods)})",
        versions=", ".join(comparison.versions) or "unknown versions",
        baseline=baseline,
    )


def _ranks(comparison: Comparison) -> str:
    groups = {
        "one objective": [p for p, r in comparison.problems.items() if len(r.objectives) == 1],
        "several objectives": [p for p, r in comparison.problems.items() if len(r.objectives) > 1],
    }
    groups = {name: problems for name, problems in groups.items() if problems}
    header = [f"{name} ({_count(len(p), 'problem')})" for name, p in groups.items()]
    columns = [comparison.ranks(problems) for problems in groups.values()]
    rows = [[m, *(_number(column[m]) for column in columns)] for m in comparison.methods]
    return (
        "## Mean ranks\n\nBy the mean over the seeds: evaluations until the optimum with one "
        "objective, the gap at the end with several. 1 is the best, equals share their ranks.\n\n"
        + _table(["method", *header], rows)
    )


@dataclass(frozen=True)
class _Page:
    """The section of one problem."""

    comparison: Comparison
    problem: str
    baseline: str

    def section(self, figure: str | None) -> str:
        """Return the section, with the file of its figure."""
        parts = [f"## {self.problem}\n", self._facts()]
        if figure is not None:
            parts.append(f"![{self.problem}]({figure})\n")
        objectives = self.comparison.problems[self.problem].objectives
        if len(objectives) == 1:
            parts += [self._queries(), self._within()]
            unit = objectives[0].unit
            parts.append(self._at_checkpoints("regret", f"Regret [{unit}]" if unit else "Regret"))
        else:
            parts.append(self._at_checkpoints("gap", "Hypervolume gap [%]"))
        parts += [self._until(), self._seconds(), self._predictions()]
        return "\n".join(part for part in parts if part)

    def _facts(self) -> str:
        reference = self.comparison.problems[self.problem]
        runs = [run for key, run in self.comparison.runs.items() if key.problem == self.problem]
        goals = ", ".join(f"{o} {o.direction}" for o in reference.objectives)
        lines = [f"{goals}; signal: {', '.join(sorted({run.signal for run in runs}))}."]
        ends = zip(reference.best, reference.worst, strict=True)
        spans = ", ".join(f"{best:.5g} to {worst:.5g}" for best, worst in ends)
        if reference.exact:
            lines.append(f"The exact answer is known; from the best to the worst: {spans}.")
        else:
            n = sum(len(run) - run.failed for run in runs)
            lines.append(
                "No exact answer is known: the runs are judged by the union of all that any of "
                f"them evaluated ({_count(n, 'evaluation')}); from the best to the worst: {spans}."
            )
        for reason in sorted({*self._left_out.values()}):
            names = [method for method, why in self._left_out.items() if why == reason]
            lines.append(f"Left out ({reason}): {', '.join(names)}.")
        for method in self._methods:
            lines += self._faults(method)
        return " ".join(lines) + "\n"

    def _faults(self, method: str) -> list[str]:
        """Return sentences about unfinished runs and failed evaluations of a method."""
        own = [t for k, t in self.comparison.traces.items() if k[:2] == (self.problem, method)]
        n, finished = len(self.comparison.seeds), sum(bool(np.isfinite(t.gaps[-1])) for t in own)
        failed = sum(trace.run.failed for trace in own)
        stopped = sum(trace.run.stopped for trace in own)
        lines = []
        if finished < n:
            lines.append(f"Not finished: {method}, {finished} of {n} runs.")
        if failed:
            lines.append(f"Failed: {_count(failed, 'evaluation')} of {method}.")
        if stopped:
            lines.append(
                f"Stopped early: {_count(stopped, 'evaluation')} of {method}, each counted by the "
                "share that was spent."
            )
        return lines

    def _queries(self) -> str:
        title = f"Evaluations until the optimum ({self.comparison.budget} where it was not found)"
        return self._metric(title, "queries", [None], ["mean"], found="found")

    def _within(self) -> str:
        tolerances = self.comparison.within
        if not tolerances:
            return ""
        unit = self.comparison.problems[self.problem].objectives[0].unit
        names = [f"{limit:g} {unit}".strip() for limit in tolerances]
        cap = f"({self.comparison.budget} where it was not found)"
        title = f"Evaluations until a value this close to the optimum {cap}"
        return self._metric(title, "within", tolerances, names, found="found_within")

    def _at_checkpoints(self, metric: str, title: str) -> str:
        checkpoints = list(self.comparison.effective_checkpoints)
        return self._metric(f"{title} by evaluations", metric, checkpoints, checkpoints)

    def _until(self) -> str:
        title = "Evaluations until the gap is below"
        names = [f"{limit:g} %" for limit in THRESHOLDS]
        cap = f"({self.comparison.budget} where it never was)"
        return self._metric(f"{title} {cap}", "until", THRESHOLDS, names, found="reached")

    def _metric(
        self,
        title: str,
        metric: str,
        keys: Sequence[MetricKey],
        names: Sequence[object],
        found: str | None = None,
    ) -> str:
        """Return a table: one row per method, one column per key, and the tests at the last key."""
        tests = self.comparison.tests(self.problem, metric, keys[-1], baseline=self.baseline)
        values = [self.comparison.values(self.problem, metric, at) for at in keys]
        hits = [self.comparison.values(self.problem, found, at) for at in keys] if found else []
        rows = []
        for method in self._methods:
            cells = [_mean(column[method]) for column in values]
            if hits:
                cells = [
                    f"{cell} ({_share(column[method])})"
                    for cell, column in zip(cells, hits, strict=True)
                ]
            rows.append([method, *cells, *_test(tests.get(method))])
        where = f" (at {names[-1]})" if len(keys) > 1 else ""
        header = ["method", *map(str, names), f"{self.baseline} is{where}", "p"]
        return f"### {title}\n\n" + _table(header, rows)

    def _seconds(self) -> str:
        sizes = [size for size in SIZES if size in self.comparison.keys("seconds")]
        columns = [self.comparison.values(self.problem, "seconds", size) for size in sizes]
        rows = [[m, *(_mean(column[m]) for column in columns)] for m in self._methods]
        title = "### Seconds per ask by finished trials\n\n"
        return title + _table(["method", *map(str, sizes)], rows) if sizes else ""

    def _predictions(self) -> str:
        names = ["asks", *(f"coverage_{level}" for level in LEVELS), "z2", "kendall", "spearman"]
        rows = []
        for objective in self.comparison.problems[self.problem].objectives:
            if objective.name not in self.comparison.keys("asks"):
                continue
            columns = [self.comparison.values(self.problem, n, objective.name) for n in names]
            rows += [
                [method, objective.name, *(_mean(column[method]) for column in columns)]
                for method in self._methods
                if np.isfinite(columns[0][method]).any()
            ]
        shares = [f"in {level} %" for level in LEVELS]
        header = ["method", "objective", "asks", *shares, "z²", "Kendall", "Spearman"]
        text = (
            "### Predictions at the time of the ask\n\nThe share of outcomes inside the central "
            "interval of the prediction, the mean squared standardised error, and the rank "
            "correlation between predicted mean and outcome.\n\n"
        )
        return text + _table(header, rows) if rows else ""

    @property
    def _left_out(self) -> dict[str, str]:
        return self.comparison.left_out(self.problem)

    @property
    def _methods(self) -> list[str]:
        return [method for method in self.comparison.methods if method not in self._left_out]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(_escaped(cell) for cell in line) + " |\n" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _mean(values: Array) -> str:
    """Format the mean of the seeds that have a value, with its interval."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "–"
    interval = mean_interval(known)
    low, high = float(interval.low), float(interval.high)
    if math.isnan(low) or low == high:
        return _number(float(interval.mean))
    return f"{_number(float(interval.mean))} [{_number(low)}, {_number(high)}]"


def _share(values: Array) -> str:
    known = values[np.isfinite(values)]
    return f"{int(known.sum())}/{len(known)}"


def _test(test: PairedTest | None) -> list[str]:
    """Format the direction and size of the effect, and the p-value."""
    if test is None:
        return ["", ""]
    way = "better" if test.effect > 0 else "worse" if test.effect < 0 else "equal"
    effect = f"{way}, r = {test.effect:.2f}"
    if math.isnan(test.p):
        return [effect, f"too few seeds ({test.pairs}) for a test"]
    return [effect, "< 0.001" if test.adjusted < 0.001 else f"{test.adjusted:.3f}"]


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
