"""A comparison as a report: what it says, its numbers as CSV, and its figures."""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.benchmarks import Comparison
from bonas.benchmarks.comparison import Run, RunKey
from bonas.benchmarks.report import markdown, seconds_figure, trace_figure, write
from bonas.benchmarks.report.figures import _spread
from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY, LATENCY

NAN = math.nan


def run(key: RunKey, values: Any, *, predictions: bool = False, ended: bool = False) -> Run:
    """A run with these values, a second for each ask, and perhaps exact predictions."""
    observed: Array = np.array(values, np.float64)
    mean = observed if predictions else np.full_like(observed, NAN)
    return Run(
        key, "truth", observed, observed, np.ones(len(observed)), mean, np.ones_like(mean), ended
    )


def comparison(seeds: int = 6, *, exact: bool = True) -> Comparison:
    """Six evaluations; `good` finds the optimum 90 after 3, `bad` is 5 off; `half` was cut off.

    With two objectives there is no `bad`; of `half` an evaluation failed, and it misses the fourth.
    """
    two = [[50.0, 9.0], [90.0, 9.0], [80.0, 5.0], [60.0, 3.0], [50.0, 1.0], [50.0, 9.0]]
    runs = {}
    for seed in range(seeds):
        keys = {m: RunKey("one", m, seed) for m in ("good", "bad", "half")}
        runs[keys["good"]] = run(keys["good"], [[50.0], [70.0 + seed], [90.0]], predictions=True)
        runs[keys["bad"]] = run(keys["bad"], [[50.0], *[[85.0 - 5 * (seed % 2)]] * 5])
        runs[keys["half"]] = run(keys["half"], [[60.0], [60.0]])
        keys = {m: RunKey("two: a/b", m, seed) for m in ("good", "half")}
        runs[keys["good"]] = run(keys["good"], two)
        runs[keys["half"]] = run(keys["half"], [[NAN, NAN], *two[:3], *two[:2]])
    problems = {
        "one": Reference.of((ACCURACY,), [[90.0], [50.0]], exact=True),
        "two: a/b": Reference.of((ACCURACY, LATENCY), two, exact=exact),
    }
    methods, versions = ["good", "bad", "half"], ("bonas 0.1.0", "torch 2.9")
    return Comparison(problems, methods, range(seeds), 6, runs, (2, 4), versions)


def section(text: str, title: str) -> list[str]:
    """The lines under a title."""
    lines = text.splitlines()
    start = lines.index(title) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("#")), len(lines))
    return lines[start:end]


def test_the_report_says_what_was_run() -> None:
    text = markdown(comparison())
    assert "6 evaluations per run" in text
    assert "6 seeds (0, 1, 2, 3, 4, 5)" in text
    assert "3 methods (good, bad, half)" in text
    assert "bonas 0.1.0, torch 2.9" in text
    for word in ("BCa", "Wilcoxon", "two-sided", "zsplit", "Holm"):
        assert word in text
    assert "## one" in text
    assert "## two: a/b" in text


def test_the_numbers_are_those_of_the_runs() -> None:
    text = markdown(comparison())
    title = "### Evaluations until the optimum (6 where it was not found)"
    rows = [line for line in section(text, title) if line.startswith("|")]
    assert rows[0] == "| method | mean | good is | p |"
    # six pairs, all of them for good: 2 / 2 ** 6; one family of one, since half has no values
    assert rows[2:] == [
        "| good | 3 (6/6) |  |  |",
        "| bad | 6 (0/6) | better, r = 1.00 | 0.031 |",
        "| half | – (0/0) | equal, r = 0.00 | too few seeds (0) for a test |",
    ]
    rows = [r for r in section(text, "### Regret [%] by evaluations") if r[0:1] == "|"]
    assert rows[0] == "| method | 2 | 4 | 6 | good is (at 6) | p |"
    cells = rows[3].split(" | ")  # bad: 5 or 10 off, in turn
    assert cells[0] == "| bad"
    assert cells[1].startswith("7.5 [5.")
    assert rows[2].split(" | ")[2:4] == ["0", "0"]


def test_ranks_stand_apart_for_one_and_several_objectives() -> None:
    rows = [line for line in section(markdown(comparison()), "## Mean ranks") if line[0:1] == "|"]
    assert rows[0] == "| method | one objective (1 problem) | several objectives (1 problem) |"
    assert rows[2:] == ["| good | 1 | 1 |", "| bad | 2 | – |", "| half | – | 2 |"]


def test_what_is_missing_or_failed_is_said() -> None:
    text = markdown(comparison())
    assert "Not finished: half, 0 of 6 runs." in "".join(section(text, "## one"))
    two = "".join(section(text, "## two: a/b"))
    assert "Left out (not run): bad." in two
    assert "Failed: 6 evaluations of half." in two
    assert "The exact answer is known; from the best to the worst: 90 to 50, 1 to 9." in two


def test_without_an_exact_answer_the_union_is_named() -> None:
    text = markdown(comparison(exact=False))
    two = "".join(section(text, "## two: a/b"))
    assert "No exact answer is known: the runs are judged by the union of all" in two
    assert "66 evaluations" in two  # six seeds of six and five


def test_too_few_seeds_are_not_tested() -> None:
    text = markdown(comparison(seeds=5))
    assert "better, r = 1.00 | too few seeds (5) for a test" in text


def test_predictions_are_reported_where_there_are_any() -> None:
    text = markdown(comparison())
    rows = section(text, "### Predictions at the time of the ask")
    table = [row for row in rows if row.startswith("|")]
    assert table[2:] == ["| good | accuracy | 3 | 1 | 1 | 1 | 0 | 1 | 1 |"]
    assert text.count("### Predictions") == 1


def test_another_baseline_may_be_chosen() -> None:
    assert "| method | mean | bad is | p |" in markdown(comparison(), baseline="bad")
    with pytest.raises(InvalidArgument, match="unknown baseline 'best'"):
        markdown(comparison(), baseline="best")


def test_everything_is_written_into_one_folder(tmp_path: Path) -> None:
    report = write(comparison(), tmp_path / "deep" / "report")
    names = {path.name for path in report.parent.iterdir()}
    pictures = {"trace-one.png", "trace-two-a-b.png", "seconds.png"}
    assert names == {"report.md", "metrics.csv", *pictures}
    for name in pictures:
        assert f"({name})" in report.read_text(encoding="utf-8")
        assert (report.parent / name).read_bytes()[:4] == b"\x89PNG"


def test_nothing_is_written_for_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        write(comparison(), tmp_path / "report", baseline="best")
    assert not (tmp_path / "report").exists()


def test_the_csv_holds_every_number(tmp_path: Path) -> None:
    made = comparison()
    with (write(made, tmp_path).parent / "metrics.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0]) == ["problem", "method", "seed", "metric", "at", "value"]
    gaps = [row for row in rows if (row["metric"], row["at"]) == ("gap", "4")]
    assert len(gaps) == 6 * 5
    array = made.array("gap", 4)
    for row in gaps:
        i = list(made.problems).index(row["problem"])
        j = list(made.methods).index(row["method"])
        assert float(row["value"]) == pytest.approx(array[i, j, int(row["seed"])], nan_ok=True)
    queries = [row for row in rows if row["metric"] == "queries"]
    assert {row["at"] for row in queries} == {""}


def test_a_trace_shows_finished_runs_and_ends_at_the_floor_where_all_is_found() -> None:
    figure = trace_figure(comparison(), "one")
    (axis,) = figure.axes
    assert axis.get_yscale() == "log"
    assert axis.get_ylabel() == "regret of accuracy [%], mean and 95 % interval"
    lines = [line for line in axis.get_lines() if len(np.atleast_1d(line.get_xdata())) > 1]
    assert len(lines) == 2  # half was cut off
    low = axis.get_ylim()[0]
    good = np.asarray(lines[0].get_ydata())
    assert good.tolist() == pytest.approx([40.0, 17.5, low, low, low, low])
    assert {text.get_text() for text in axis.texts} == {"good", "bad"}


def test_several_objectives_are_drawn_by_their_gap() -> None:
    (axis,) = trace_figure(comparison(), "two: a/b").axes
    assert axis.get_ylabel() == "hypervolume gap [%], mean and 95 % interval"
    with pytest.raises(InvalidArgument, match="unknown problem 'three'"):
        trace_figure(comparison(), "three")


def test_the_seconds_have_a_panel_for_each_number_of_objectives() -> None:
    titles = [axis.get_title() for axis in seconds_figure(comparison()).axes]
    assert titles == ["one objective", "2 objectives"]


def test_thirteen_methods_have_thirteen_looks() -> None:
    methods = [f"method {i}" for i in range(13)]
    runs = {
        RunKey("one", m, 0): run(RunKey("one", m, 0), [[50.0 + i], [60.0 + i]])
        for i, m in enumerate(methods)
    }
    reference = Reference.of((ACCURACY,), [[90.0], [50.0]], exact=True)
    made = Comparison({"one": reference}, methods, [0], 2, runs)
    (axis,) = trace_figure(made, "one").axes
    assert len({(line.get_color(), line.get_linestyle()) for line in axis.get_lines()}) == 13


@given(st.lists(st.floats(0.0, 1.0), max_size=15))
def test_labels_never_overlap_nor_change_their_order(heights: list[float]) -> None:
    moved = _spread(sorted(heights))
    assert len(moved) == len(heights)
    assert all(above - below > 0.054 for below, above in pairwise(moved))
    assert all(-1e-9 <= height <= 1.0 + 1e-9 for height in moved)


def test_labels_move_no_further_than_they_must() -> None:
    assert _spread([0.2, 0.5, 0.9]) == pytest.approx([0.2, 0.5, 0.9])
    assert _spread([0.5, 0.5, 0.9]) == pytest.approx([0.4725, 0.5275, 0.9])
    assert _spread([0.0, 0.0]) == pytest.approx([0.0, 0.055])
    assert _spread([1.3]) == [1.0]


def test_a_comparison_of_nothing_has_a_report_too(tmp_path: Path) -> None:
    reference = Reference.of((ACCURACY,), [[NAN]], exact=False)
    failed = RunKey("one", "m", 0)
    made = Comparison({"one": reference}, ["m", "n"], [0], 1, {failed: run(failed, [[NAN]])})
    text = write(made, tmp_path).read_text(encoding="utf-8")
    assert "Failed: 1 evaluation of m." in text
    assert "Left out (not run): n." in text
