"""What every layer can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bonas.report.charts.frame import Frame
from bonas.report.charts.markup import element, escaped


@dataclass(frozen=True, slots=True)
class Drawing:
    """The markup of a layer, and how many of its points are not drawn since there are too many."""

    svg: str
    left_out: int = 0


class Layer(Protocol):
    """Data in a chart; a series (``front``, ``series-1``) names its look in the style sheet."""

    @property
    def label(self) -> str:
        """Its name in the legend; empty for none."""
        ...

    def __len__(self) -> int:
        """Return how many points it has."""
        ...

    def extent(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return the values on x and on y that the axes have to reach."""
        ...

    def draw(self, frame: Frame) -> Drawing:
        """Return its markup within a frame."""
        ...

    def swatch(self) -> str:
        """Return its look as SVG within 24 x 12, for the legend."""
        ...


def title(text: str) -> str:
    """Return a ``title``, which browsers show as a tooltip; empty without a text."""
    return element("title", {}, escaped(text)) if text else ""
