"""The figures of a comparison."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from comparisons import NAN, small_comparison, small_run
from hypothesis import given
from hypothesis import strategies as st

from bonas.benchmarks import Comparison
from bonas.benchmarks.comparison import RunKey
from bonas.benchmarks.comparison.statistics import Interval
from bonas.benchmarks.report import seconds_figure, trace_figure
from bonas.benchmarks.report.figures import _limits, _seconds, _spread
from bonas.benchmarks.tables.reference import Reference
from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY


def test_a_trace_shows_finished_runs_and_ends_at_the_floor_where_all_is_found() -> None:
    figure = trace_figure(small_comparison(), "one")
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
    (axis,) = trace_figure(small_comparison(), "two: a/b").axes
    assert axis.get_ylabel() == "hypervolume gap [%], mean and 95 % interval"
    with pytest.raises(InvalidArgument, match="unknown problem 'three'"):
        trace_figure(small_comparison(), "three")


def test_the_seconds_have_a_panel_for_each_number_of_objectives() -> None:
    titles = [axis.get_title() for axis in seconds_figure(small_comparison()).axes]
    assert titles == ["one objective", "2 objectives"]


def test_thirteen_methods_have_thirteen_styles() -> None:
    methods = [f"method {i}" for i in range(13)]
    runs = {
        RunKey("one", m, 0): small_run(RunKey("one", m, 0), [[50.0 + i], [60.0 + i]])
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


def test_seconds_are_a_median_per_ten_trials() -> None:
    runs = {}
    for seed, slow in enumerate((1.0, 3.0, 2.0)):
        key = RunKey("one", "m", seed)
        seconds = np.concatenate([np.full(10, slow), np.full(5, 10 * slow)])
        runs[key] = replace(small_run(key, [[60.0]] * 15), seconds=seconds)
    reference = Reference.of((ACCURACY,), [[90.0], [50.0]], exact=True)
    made = Comparison({"one": reference}, ["m"], [0, 1, 2], 30, runs)
    middles, lines = _seconds(made, 1)
    assert middles.tolist() == [4.5, 14.5, 24.5]
    assert lines["m"].mean.tolist() == [2.0, 20.0, pytest.approx(NAN, nan_ok=True)]


def test_the_axis_reaches_below_the_least_positive_mean() -> None:
    line = Interval(np.array([4.0, 0.0, 2.0]), np.zeros(3), np.array([5.0, 0.0, 7.0]), 3)
    assert _limits([line]) == pytest.approx((0.7 * 2.0, 7.0 / 0.7))
    nothing = Interval(np.zeros(2), np.zeros(2), np.zeros(2), 1)
    assert _limits([nothing]) == pytest.approx((0.7, 1 / 0.7))
