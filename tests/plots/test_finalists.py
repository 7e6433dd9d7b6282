"""Facts about the figure of finalists."""

from __future__ import annotations

import math

from bonas.evaluation import Objective
from bonas.plots.finalists import FinalistLine, finalists_figure

ACCURACY = Objective("accuracy", "maximize", "%")
NO = (math.nan, math.nan)


def test_a_line_goes_from_the_search_over_the_validation_to_the_test_rows() -> None:
    lines = [
        FinalistLine("trial 1", 80.0, (90.0, 92.0), 89.0, (87.0, 91.0), True),
        FinalistLine("trial 2", 79.99, (85.0,), None, NO, False),
    ]
    (axis,) = finalists_figure(ACCURACY, lines, "title").axes
    drawn = [line.get_xydata().tolist() for line in axis.lines if len(line.get_xydata()) > 1]  # type: ignore[union-attr,arg-type]
    assert [[0.0, 80.0], [1.0, 91.0], [1.97, 89.0]] in drawn
    assert [[0.0, 79.99], [1.0, 85.0]] in drawn
    heights = [text.get_position()[1] for text in axis.texts]
    assert heights[0] - heights[1] > 0.3  # names of equal values are apart
    assert axis.get_ylabel() == "accuracy [%], higher is better"


def test_without_test_rows_there_are_two_columns() -> None:
    line = FinalistLine("trial 1", 80.0, (90.0,), None, NO, True)
    (axis,) = finalists_figure(ACCURACY, [line], "").axes
    assert len(axis.get_xticks()) == 2
