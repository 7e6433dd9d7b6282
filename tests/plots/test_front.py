"""Facts about the figure of a front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from candidates import OneNetwork
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import TrialState, create_trial
from torch import nn

from bonas.evaluation import Candidate, Objective
from bonas.plots.front import front_figure

ACCURACY = Objective("accuracy", "maximize", "%")
LATENCY = Objective("latency", "minimize", "ms")
OTHERS = [Objective("size", "minimize"), Objective("energy", "minimize")]
ROWS = [(90.0, 5.0), (80.0, 2.0), (85.0, 6.0), (70.0, 1.0)]


def candidates(
    objectives: Sequence[Objective], rows: Sequence[tuple[float, ...]]
) -> list[Candidate]:
    """Return one candidate per row of values."""
    names = [objective.name for objective in objectives]
    return [
        Candidate(
            OneNetwork(nn.Identity),
            {"which": "this"},
            create_trial(state=TrialState.RUNNING),
            dict(zip(names, row, strict=True)),
        )
        for row in rows
    ]


def panels(figure: Figure) -> list[Axes]:
    """Return the visible panels, without the colour bar."""
    return [axis for axis in figure.axes if axis.get_visible() and axis.get_xlabel()]


def stairs(axis: Axes) -> tuple[list[float], list[float], str]:
    """Return the coordinates of the drawn line, and where its steps are."""
    (line,) = axis.get_lines()
    return [*np.asarray(line.get_xdata())], [*np.asarray(line.get_ydata())], line.get_drawstyle()


@pytest.mark.parametrize(
    ("objective", "best"),
    [(ACCURACY, [90.0, 90.0, 90.0, 95.0]), (LATENCY, [90.0, 80.0, 80.0, 80.0])],
)
def test_one_objective_is_drawn_as_its_best_value_so_far(
    objective: Objective, best: list[float]
) -> None:
    rows = candidates([objective], [(90.0,), (80.0,), (85.0,), (95.0,)])
    (axis,) = panels(front_figure([objective], rows, rows[:1]))
    assert stairs(axis) == ([1, 2, 3, 4], best, "steps-post")
    assert axis.get_ylabel() == str(objective)


def test_two_objectives_are_one_panel_with_the_attained_region() -> None:
    """Check that between two points of the front the worse accuracy is attained."""
    both = [ACCURACY, LATENCY]
    rows = candidates(both, ROWS)
    (axis,) = panels(front_figure(both, rows, [rows[i] for i in (0, 1, 3)]))
    assert axis.get_xlabel() == "latency [ms], lower is better"
    assert axis.get_ylabel() == "accuracy [%], higher is better"
    assert stairs(axis) == ([1.0, 2.0, 5.0], [70.0, 80.0, 90.0], "steps-post")


def test_an_objective_to_be_maximised_to_the_right_steps_the_other_way() -> None:
    both = [LATENCY, ACCURACY]
    rows = candidates(both, [(b, a) for a, b in ROWS])
    (axis,) = panels(front_figure(both, rows, [rows[i] for i in (0, 1, 3)]))
    assert stairs(axis) == ([70.0, 80.0, 90.0], [1.0, 2.0, 5.0], "steps-pre")


def test_values_that_span_over_two_decades_are_on_a_logarithmic_axis() -> None:
    both = [ACCURACY, LATENCY]
    rows = candidates(both, [(90.0, 5.0), (80.0, 0.04)])
    (axis,) = panels(front_figure(both, rows, rows))
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")
    (axis,) = panels(front_figure([LATENCY], rows, rows[1:]))
    assert (axis.get_xscale(), axis.get_yscale()) == ("linear", "log")


@pytest.mark.parametrize("values", [(5e-324, 1.0), (1e-149, 1e149), (1e300, 1.0)])
def test_the_widest_ranges_are_drawn(values: tuple[float, float], tmp_path: Path) -> None:
    both = [ACCURACY, LATENCY]
    rows = candidates(both, [(90.0, values[0]), (80.0, values[1])])
    front_figure(both, rows, rows).savefig(tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 0


@pytest.mark.parametrize("m", [3, 4])
def test_several_objectives_are_one_panel_per_pair_without_a_line(m: int) -> None:
    objectives = [ACCURACY, LATENCY, *OTHERS][:m]
    rows = candidates(objectives, [tuple(float(i + j) for j in range(m)) for i in range(3)])
    drawn = panels(front_figure(objectives, rows, rows[:1]))
    assert len(drawn) == len(list(combinations(range(m), 2)))
    assert not any(axis.get_lines() for axis in drawn)


@pytest.mark.parametrize("objectives", [[ACCURACY], [ACCURACY, LATENCY]])
def test_a_figure_without_candidates_is_empty(objectives: list[Objective]) -> None:
    (axis,) = panels(front_figure(objectives, [], []))
    assert not any(len(np.asarray(line.get_xdata())) for line in axis.get_lines())
