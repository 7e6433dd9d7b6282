"""The text of a report."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from comparisons import NAN, small_comparison

from bonas.benchmarks.comparison import RunKey
from bonas.benchmarks.comparison.statistics import PairedTest
from bonas.benchmarks.report import markdown
from bonas.benchmarks.report.markdown import _mean, _number, _share, _table, _test
from bonas.errors import InvalidArgument


def section(text: str, title: str) -> list[str]:
    """Return the lines under a title."""
    lines = text.splitlines()
    start = lines.index(title) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("#")), len(lines))
    return lines[start:end]


def test_the_report_says_what_was_run() -> None:
    text = markdown(small_comparison())
    assert "6 full evaluations per run" in text
    assert "6 seeds (0, 1, 2, 3, 4, 5)" in text
    assert "3 methods (good, bad, half)" in text
    assert "bonas 0.1.0, torch 2.9" in text
    for word in ("BCa", "Wilcoxon", "two-sided", "zsplit", "Holm"):
        assert word in text
    assert "## one" in text
    assert "## two: a/b" in text


def test_the_numbers_are_those_of_the_runs() -> None:
    text = markdown(small_comparison())
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


def test_tolerances_have_a_table_where_there_is_one_objective() -> None:
    text = markdown(replace(small_comparison(), within=(2.0, 5.0)))
    title = "### Evaluations until a value this close to the optimum (6 where it was not found)"
    rows = [line for line in section(text, title) if line.startswith("|")]
    assert rows[0] == "| method | 2 % | 5 % | good is (at 5 %) | p |"
    assert rows[3].startswith("| bad | 6 (0/6) | 4 [")  # 5 off with each second seed, from 2 on
    assert text.count("this close") == 1
    assert "this close" not in markdown(small_comparison())


def test_ranks_stand_apart_for_one_and_several_objectives() -> None:
    rows = [
        line for line in section(markdown(small_comparison()), "## Mean ranks") if line[0:1] == "|"
    ]
    assert rows[0] == "| method | one objective (1 problem) | several objectives (1 problem) |"
    assert rows[2:] == ["| good | 1 | 1 |", "| bad | 2 | – |", "| half | – | 2 |"]


def test_what_is_missing_or_failed_is_said() -> None:
    text = markdown(small_comparison())
    assert "Not finished: half, 0 of 6 runs." in "".join(section(text, "## one"))
    two = "".join(section(text, "## two: a/b"))
    assert "Left out (not run): bad." in two
    assert "Failed: 6 evaluations of half." in two
    assert "The exact answer is known; from the best to the worst: 90 to 50, 1 to 9." in two


def test_evaluations_that_were_stopped_early_are_counted_apart() -> None:
    comparison = small_comparison()
    run = comparison.runs[RunKey("two: a/b", "half", 0)]
    spent = np.array([0.25, *[1.0] * 5])
    runs = {**comparison.runs, run.key: replace(run, spent=spent)}
    text = "".join(section(markdown(replace(comparison, runs=runs)), "## two: a/b"))
    assert "Failed: 5 evaluations of half." in text
    assert "Stopped early: 1 evaluation of half" in text


def test_without_an_exact_answer_the_union_is_named() -> None:
    text = markdown(small_comparison(exact=False))
    two = "".join(section(text, "## two: a/b"))
    assert "No exact answer is known: the runs are judged by the union of all" in two
    assert "66 evaluations" in two  # six seeds of six and five


def test_too_few_seeds_are_not_tested() -> None:
    text = markdown(small_comparison(seeds=5))
    assert "better, r = 1.00 | too few seeds (5) for a test" in text


def test_predictions_are_reported_where_there_are_any() -> None:
    text = markdown(small_comparison())
    rows = section(text, "### Predictions at the time of the ask")
    table = [row for row in rows if row.startswith("|")]
    assert table[2:] == ["| good | accuracy | 3 | 1 | 1 | 1 | 0 | 1 | 1 |"]
    assert text.count("### Predictions") == 1


def test_another_baseline_may_be_chosen() -> None:
    assert "| method | mean | bad is | p |" in markdown(small_comparison(), baseline="bad")
    with pytest.raises(InvalidArgument, match="unknown baseline 'best'"):
        markdown(small_comparison(), baseline="best")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NAN, "–"),
        (0.0, "0"),
        (0.123456, "0.123"),
        (98.76, "98.8"),
        (1234.5, "1234"),
        (1e6, "1000000"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert _number(value) == text


def test_a_mean_has_its_interval_where_there_is_one() -> None:
    assert _mean(np.array([NAN, NAN])) == "–"
    assert _mean(np.array([3.0, NAN])) == "3"
    assert _mean(np.array([2.0, 2.0])) == "2"
    assert re.fullmatch(r"2\.5 \[1\.\d+, 3\.\d+\]", _mean(np.array([1.0, 2.0, 3.0, 4.0])))


def test_a_share_counts_the_seeds_that_have_a_value() -> None:
    assert _share(np.array([1.0, 0.0, NAN, 1.0])) == "2/3"


@pytest.mark.parametrize(
    ("test", "cells"),
    [
        (None, ["", ""]),
        (PairedTest(6, 1.0, 0.03, 0.06), ["better, r = 1.00", "0.060"]),
        (PairedTest(9, -0.5, 1e-5, 2e-5), ["worse, r = -0.50", "< 0.001"]),
        (PairedTest(3, 0.0, NAN), ["equal, r = 0.00", "too few seeds (3) for a test"]),
    ],
    ids=["none", "better", "worse", "too few"],
)
def test_a_test_says_its_direction_and_its_p_value(
    test: PairedTest | None, cells: list[str]
) -> None:
    assert _test(test) == cells


def test_a_bar_in_a_name_does_not_end_the_cell() -> None:
    assert _table(["a|b"], [["c"]]) == "| a\\|b |\n| --- |\n| c |\n"


def test_without_figures_none_is_linked() -> None:
    text = markdown(small_comparison())
    assert "![" not in text
    assert "## Seconds per ask" not in text
    linked = markdown(small_comparison(), figures={"one": "a.png"}, seconds="s.png")
    assert linked.count("![") == 2
    assert "![one](a.png)" in linked
    assert "![seconds per ask](s.png)" in linked


def test_a_problem_of_one_objective_has_regrets_and_one_of_several_has_gaps() -> None:
    text = markdown(small_comparison())
    one, two = text.split("## two: a/b")
    assert "### Regret [%] by evaluations" in one
    assert "### Hypervolume gap [%] by evaluations" not in one
    assert "### Hypervolume gap [%] by evaluations" in two
    assert "### Evaluations until the optimum" not in two
    assert "### Evaluations until the gap is below (6 where it never was)" in two
