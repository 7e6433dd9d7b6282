"""Facts about the chart of a front: which way is up, and what its line promises."""

from __future__ import annotations

from itertools import pairwise

import pytest
from written_studies import stored, trial

from bonas.evaluation import ACCURACY, LATENCY, Objective
from bonas.report.charts import Axis, Line, Points
from bonas.report.front_chart import front_charts, ordered_pair
from bonas.report.searched import Searched

SIZE = Objective("size", "minimize", "kB")
SPEED = Objective("speed", "maximize", "rows/s")


def searched(*rows: tuple[float, ...], ways: tuple[str, ...]) -> Searched:
    return Searched.of(stored(*(trial(*row) for row in rows), directions=ways))


@pytest.mark.parametrize(
    ("first", "second", "across"),
    [
        (ACCURACY, LATENCY, LATENCY),
        (LATENCY, ACCURACY, LATENCY),
        (SIZE, LATENCY, LATENCY),
        (ACCURACY, SPEED, SPEED),
    ],
)
def test_costs_go_to_the_right_and_gains_up(
    first: Objective, second: Objective, across: Objective
) -> None:
    assert ordered_pair(first, second)[0] is across
    assert {*ordered_pair(first, second)} == {first, second}


@pytest.mark.parametrize("across", ["minimize", "maximize"])
@pytest.mark.parametrize("up", ["minimize", "maximize"])
def test_the_line_promises_no_more_than_was_measured(across: str, up: str) -> None:
    """Compare each corner of the line with the points: one of them is at least as good."""
    sign_x, sign_y = (1 if way == "maximize" else -1 for way in (across, up))
    rows = [(sign_y * y, sign_x * x) for x, y in [(1.0, 9.0), (4.0, 7.0), (6.0, 2.0), (2.0, 1.0)]]
    found = searched(*rows, ways=(up, across))
    pair = ordered_pair(*found.objectives)
    (line,) = (
        layer for chart in front_charts(found) for layer in chart.layers if isinstance(layer, Line)
    )
    assert len(line) == 3
    points = [tuple(t.values[o.name] for o in pair) for t in found.front]
    signs = [1 if o.direction == "maximize" else -1 for o in pair]
    for (_, y), (x, _) in pairwise(zip(line.xs, line.ys, strict=True)):  # to the right, then up
        assert any(
            all(s * p >= s * c for s, p, c in zip(signs, point, (x, y), strict=True))
            for point in points
        ), (x, y)


@pytest.mark.parametrize(("m", "panels"), [(1, 1), (2, 1), (3, 3), (5, 10)])
def test_there_is_a_panel_per_pair(m: int, panels: int) -> None:
    found = searched(tuple(map(float, range(m))), ways=("maximize",) * m)
    assert len(front_charts(found)) == panels


def test_a_chart_and_the_figure_of_a_result_have_the_same_scales() -> None:
    rows = [(90.0, 5.0), (80.0, 0.04)]
    (chart,) = front_charts(searched(*rows, ways=("maximize", "minimize")))
    assert isinstance(chart.y, Axis)
    assert (chart.x.scale, chart.y.scale) == ("log", "linear")
    (chart,) = front_charts(searched((5.0,), (0.04,), ways=("minimize",)))
    assert isinstance(chart.y, Axis)
    assert (chart.x.scale, chart.y.scale) == ("linear", "log")


def test_the_best_so_far_never_falls() -> None:
    found = searched((2.0,), (1.0,), (3.0,), ways=("maximize",))
    (chart,) = front_charts(found)
    (line,) = (layer for layer in chart.layers if isinstance(layer, Line))
    assert line.ys == [2.0, 2.0, 3.0]


def test_each_finished_trial_is_one_point() -> None:
    found = searched((1.0, 1.0), (2.0, 2.0), (0.0, 5.0), ways=("maximize", "minimize"))
    (chart,) = front_charts(found)
    trials = [n for each in chart.layers if isinstance(each, Points) for n in each.trials]
    assert sorted(trials) == [0, 1, 2]


def test_spread_is_an_error_bar() -> None:
    study = stored(trial(1.0, 2.0, user_attrs={"objective 0_sd": 0.25}))
    (chart,) = front_charts(Searched.of(study))
    (points,) = (layer for layer in chart.layers if isinstance(layer, Points))
    assert [*points.y_errors] == [0.25]
    assert not points.x_errors
