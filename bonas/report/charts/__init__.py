"""Charts as inline SVG: no library, no script, no colour outside the style sheet.

A chart is two axes and layers of data. It is drawn once, as text, for any width: the picture
scales, the style sheet enlarges its letters on a phone and has a light and a dark palette. Series
differ in dashes and marks as well as in colour.

>>> points = Points([1.0, 2.0], [70.0, 72.5], "evaluated", trials=[0, 1])
>>> chart = Chart("Accuracy", Axis("latency", "ms"), Axis("accuracy", "%"), [points])
>>> chart.figure()[:20]
'<figure class="chart'
"""

from bonas.report.charts.axis import Axis, Rows
from bonas.report.charts.chart import Chart
from bonas.report.charts.grid import folded, grid
from bonas.report.charts.layers.band import Band
from bonas.report.charts.layers.bars import Bars
from bonas.report.charts.layers.layer import Layer
from bonas.report.charts.layers.line import Line
from bonas.report.charts.layers.points import Points
from bonas.report.charts.layers.references import Diagonal, Level
from bonas.report.charts.layers.rug import Rug
from bonas.report.charts.layers.spans import Spans
from bonas.report.charts.markup import escaped
from bonas.report.charts.numbers import duration, short, time_unit, with_unit
from bonas.report.charts.style import style

__all__ = [
    "Axis",
    "Band",
    "Bars",
    "Chart",
    "Diagonal",
    "Layer",
    "Level",
    "Line",
    "Points",
    "Rows",
    "Rug",
    "Spans",
    "duration",
    "escaped",
    "folded",
    "grid",
    "short",
    "style",
    "time_unit",
    "with_unit",
]
