"""Scale of an axis of values: logarithmic where they are positive and span over two decades.

On a linear axis, half of such values would lie within one percent of its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

_DECADES = 2
_LARGEST = 1e150  # with its inverse the least; a margin around larger ones would be infinite


def scale_of(values: Iterable[float]) -> Literal["linear", "log"]:
    """Return the scale of an axis with these values, as matplotlib and plotly call it.

    >>> scale_of([0.5, 60.0]), scale_of([0.5, 50.0]), scale_of([0.0, 60.0]), scale_of([])
    ('log', 'linear', 'linear', 'linear')
    """
    known = list(values)
    if not known or not all(1 / _LARGEST < value < _LARGEST for value in known):
        return "linear"
    decades = math.log10(max(known)) - math.log10(min(known))
    return "log" if decades > _DECADES else "linear"
