"""A chart: two axes, layers, a legend and a description for people who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from bonas.report.charts.axis import Axis, Rows, Scale
from bonas.report.charts.frame import Frame
from bonas.report.charts.layers.layer import Layer
from bonas.report.charts.markup import element, escaped

MOST = 2_000
"""Number of points of all layers that a chart draws by default."""
_LEAST = 24  # points of a layer
_ROW = 38.0  # height of a row of ``Rows``
_TOP, _BOTTOM, _RIGHT = 28.0, 44.0, 14.0
_DIGIT = 8.2  # width of a digit of a tick's label on a phone
_LONGEST = 60  # characters of a row's label


@dataclass(frozen=True, slots=True)
class Chart:
    """Layers over two axes.

    Attributes:
        title: What it shows, in a few words.
        x: The horizontal axis.
        y: The vertical axis.
        layers: From the back to the front.
        description: What is to be seen in it, for people who do not see it.
        width: Of the picture, in units of which a letter has 12; it scales to the page.
        height: The same; ``Rows`` need what they need.
        most: How many points it draws at most, apart from those that must be drawn.
    """

    title: str
    x: Axis
    y: Axis | Rows
    layers: Sequence[Layer]
    description: str = ""
    width: float = 560.0
    height: float = 300.0
    most: int = MOST

    def figure(self) -> str:
        """Return a ``figure`` with the title, the legend, the picture, and what was left out."""
        svg, left_out = self._drawn()
        keys = [layer for layer in self.layers if layer.label]
        entries = "".join(f"<li>{_swatch(key)}{escaped(key.label)}</li>" for key in keys)
        legend = f'<ul class="legend">{entries}</ul>' if entries else ""
        note = f'<p class="note">{left_out:,} of {self._points():,} points are not drawn.</p>'
        caption = f"<figcaption>{escaped(self.title)}</figcaption>"
        size = "wide" if self.width > 400 else "small"
        shown = f"{caption}{legend}{svg}{note if left_out else ''}"
        return f'<figure class="chart {size}">{shown}</figure>'

    def svg(self) -> str:
        """Return the picture alone."""
        return self._drawn()[0]

    def _drawn(self) -> tuple[str, int]:
        """Return the picture, and how many points it leaves out."""
        height = (
            _TOP + _BOTTOM + _ROW * len(self.y.labels) if isinstance(self.y, Rows) else self.height
        )
        extents = [layer.extent() for layer in self.layers]
        ends = height - _BOTTOM, _TOP
        y = self.y.over(chain.from_iterable(each[1] for each in extents), *ends)
        left = self._margin(y)
        x = self.x.over(chain.from_iterable(each[0] for each in extents), left, self.width - _RIGHT)
        drawings = [layer.draw(Frame(x, y, self._share(layer))) for layer in self.layers]
        body = "".join(drawing.svg for drawing in drawings)
        can_focus = "tabindex" in body
        label = f"{self.title}. {self.description}" if self.description else self.title
        attributes = {
            "viewBox": f"0 0 {self.width:g} {height:g}",
            "role": "group" if can_focus else "img",  # an image has no parts that can be focused
            "aria-label": label,
        }
        parts = [_x_axis(x, self.x, y), body]
        if isinstance(self.y, Rows):
            parts.append(_rows(y, self.y, left))  # on top: nothing crosses a label
        else:
            parts.insert(0, _y_axis(y, self.y, x))
        return element("svg", attributes, *parts), sum(each.left_out for each in drawings)

    def _points(self) -> int:
        return sum(map(len, self.layers))

    def _share(self, layer: Layer) -> int:
        """Return how many points a layer may draw."""
        total = self._points()
        return self.most if total <= self.most else max(self.most * len(layer) // total, _LEAST)

    def _margin(self, y: Scale) -> float:
        if isinstance(self.y, Rows):
            return _RIGHT
        return 12.0 + _DIGIT * max((len(label) for _, label in y.ticks()), default=1)


def _swatch(layer: Layer) -> str:
    return f'<svg viewBox="0 0 24 12" aria-hidden="true">{layer.swatch()}</svg>'


def _x_axis(x: Scale, axis: Axis, y: Scale) -> str:
    """Return lines, labels and the title; every second label is spared on a phone."""
    top, bottom = min(y.start, y.end), max(y.start, y.end)
    count = 7 if x.end - x.start > 360 else 4
    parts = []
    for order, (at, label) in enumerate(x.ticks(count)):
        spare = " spare" if order % 2 else ""
        parts.append(element("path", {"class": "grid", "d": f"M{at:.2f} {top:g}V{bottom:g}"}))
        place = {"class": f"tick{spare}", "x": at, "y": bottom + 16, "text-anchor": "middle"}
        parts.append(element("text", place, escaped(label)))
    place = {"class": "title", "x": x.end, "y": bottom + 36, "text-anchor": "end"}
    parts.append(element("text", place, escaped(axis.label())))
    return "".join(parts)


def _y_axis(y: Scale, axis: Axis, x: Scale) -> str:
    """Return lines, labels and the title, which stands above the axis."""
    count = 6 if abs(y.end - y.start) > 160 else 4
    parts = []
    for at, label in y.ticks(count):
        parts.append(element("path", {"class": "grid", "d": f"M{x.start:g} {at:.2f}H{x.end:g}"}))
        place = {"class": "tick", "x": x.start - 6, "y": at + 4, "text-anchor": "end"}
        parts.append(element("text", place, escaped(label)))
    parts.append(element("text", {"class": "title", "x": 4.0, "y": 16.0}, escaped(axis.label())))
    return "".join(parts)


def _rows(y: Scale, rows: Rows, left: float) -> str:
    """Return the label of each row, above what the row holds."""
    parts = []
    for row, label in enumerate(rows.labels):
        shown = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
        whole = element("title", {}, escaped(label)) if shown != label else ""
        place = {"class": "row", "x": left, "y": y.at(row) - 13}
        parts.append(element("text", place, escaped(shown), whole))
    if rows.title:
        parts.append(element("text", {"class": "title", "x": 4.0, "y": 14.0}, escaped(rows.title)))
    return "".join(parts)
