"""A comparison as a folder: a report in Markdown, its numbers as CSV, and figures."""

from __future__ import annotations

import csv
import re
from os import PathLike
from pathlib import Path

from bonas.benchmarks.comparison import Comparison
from bonas.benchmarks.report.figures import seconds_figure, trace_figure
from bonas.benchmarks.report.markdown import markdown

__all__ = ["markdown", "seconds_figure", "trace_figure", "write"]


def write(
    comparison: Comparison, folder: str | PathLike[str], *, baseline: str | None = None
) -> Path:
    """Write ``report.md``, ``metrics.csv`` and figures into ``folder``; return the report's path.

    The CSV has one row per number: problem, method, seed, metric, at, value; ``METRICS`` in
    ``bonas.benchmarks.comparison`` defines the metrics. The other methods are tested against the
    baseline, by default the first method.

    Raises:
        InvalidArgument: for a baseline that is not a method of the comparison.
    """
    target = Path(folder)
    figures = {problem: f"trace-{_file_name(problem)}.png" for problem in comparison.problems}
    text = markdown(comparison, baseline=baseline, figures=figures, seconds="seconds.png")
    target.mkdir(parents=True, exist_ok=True)
    report = target / "report.md"
    report.write_text(text, encoding="utf-8")
    with (target / "metrics.csv").open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["problem", "method", "seed", "metric", "at", "value"])
        writer.writerows(comparison.tidy())
    for problem, name in figures.items():
        trace_figure(comparison, problem).savefig(target / name)
    seconds_figure(comparison).savefig(target / "seconds.png")
    return report


def _file_name(problem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", problem)
