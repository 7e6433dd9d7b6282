"""A matching of the units of two networks, and of the places along their weights.

    f(u)   the unit of the parent that unit u of the child is a copy of

The units that two aligned layers compute match in order; where the child has more, the others are
copies of random ones. A place of an axis matches the place of the parent that has the unit f(u),
counted from the first where a unit has several places, as in fused gates or flattened images. Where
no place of an axis matches, since other layers are added to it or read by it now, they match in
order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bonas.evaluation.inheritance.layers import Axis, Layer
from bonas.evaluation.inheritance.recording import Recording
from bonas.evaluation.inheritance.units import FREE, Array

NONE = -1
"""The place of a number that has no counterpart."""


class Matching:
    """Which layers, units and places of a child match which of its parent.

    Args:
        child: A recording of the network that inherits.
        parent: One of the network that it inherits from.
        layers: The number of a layer of the child -> that of the parent's.
        identities: The layers of the child that return their input.
        rng: Draws which units are copied twice.
    """

    def __init__(
        self,
        child: Recording,
        parent: Recording,
        layers: Mapping[int, int],
        identities: frozenset[int],
        rng: np.random.Generator,
    ) -> None:
        self.layers = layers
        self._rng = rng
        self._own, self._own_bound = child.units.classes()
        self._theirs, self._their_bound = parent.units.classes()
        self._of = np.full(len(self._own_bound), NONE)  # f
        for i, layer in enumerate(child.layers):
            if i in layers:
                self._match_outputs(layer, parent.layers[layers[i]])
            elif i in identities:
                self._pass_on(layer)

    def places(self, own: Axis, theirs: Axis) -> Array:
        """Return the matching place of the parent for each place of an axis, or ``NONE``."""
        size, other = len(own.units), len(theirs.units)
        if own.kind == "kernel":
            margin, odd = divmod(other - size, 2)
            places = np.arange(size) + margin
            return np.where((places < 0) | (places >= other) | bool(odd), NONE, places)
        if own.kind == "fixed":
            return np.arange(size) if size == other else np.full(size, NONE)
        a, b = _classes(own, self._own), _classes(theirs, self._theirs)
        if size != other and self._is_bound(a, b):
            return np.full(size, NONE)
        wanted = np.where(a == FREE, FREE, self._of[a])
        at = {key: place for place, key in enumerate(_counted(b))}
        keys = _counted(a)
        places = np.full(size, NONE)
        for i, (unit, (_, count)) in enumerate(zip(wanted, keys, strict=True)):
            if a[i] == FREE or unit != NONE:
                places[i] = at.get((int(unit), count), NONE)
        is_fused = size != other and len(_unique(a[a >= 0])) < int((a >= 0).sum())
        if (places == NONE).all() and not (own.kind == "out" and is_fused):
            return np.where(np.arange(size) < other, np.arange(size), NONE)
        return places

    def _is_bound(self, own: Array, theirs: Array) -> bool:
        return bool(
            self._own_bound[own[own >= 0]].any() or self._their_bound[theirs[theirs >= 0]].any()
        )

    def _match_outputs(self, own: Layer, theirs: Layer) -> None:
        for argument in own.axes.keys() & theirs.axes.keys():
            axes = zip(own.axes[argument], theirs.axes[argument], strict=False)
            for a, b in axes:
                if a.kind == b.kind == "out":
                    self._match_units(_classes(a, self._own), _classes(b, self._theirs))

    def _match_units(self, own: Array, theirs: Array) -> None:
        """Match the units of two axes in order; the others with random ones."""
        if len(own) != len(theirs) and self._is_bound(own, theirs):
            return
        a, b = (_unique(units[units >= 0]) for units in (own, theirs))
        for i, unit in enumerate(a):
            if self._of[unit] == NONE and i < len(b):
                self._of[unit] = b[i]
        open_units = a[self._of[a] == NONE]
        if len(b) and len(open_units):
            self._of[open_units] = self._rng.choice(b, len(open_units))

    def _pass_on(self, layer: Layer) -> None:
        """Let the outputs of a layer that returns its input match what that matches."""
        out, reads = (_classes(axis, self._own) for axis in layer.axes["weight"][:2])
        if len(reads) != len(out):
            return  # depthwise: they are the same units
        known = (out >= 0) & (reads >= 0)
        is_open = known & (self._of[out] == NONE)
        self._of[out[is_open]] = self._of[reads[is_open]]


def _classes(axis: Axis, classes: Array) -> Array:
    units: Array = axis.units.numpy()
    return np.where(units == FREE, FREE, classes[units]) if len(classes) else units


def _unique(units: Array) -> Array:
    _, first = np.unique(units, return_index=True)
    found: Array = units[np.sort(first)]
    return found


def _counted(units: Array) -> Sequence[tuple[int, int]]:
    """Return each unit with how many places of the axis it had before."""
    seen: Counter[int] = Counter()
    found = []
    for unit in units.tolist():
        found.append((unit, seen[unit]))
        seen[unit] += 1
    return found


BoolArray = npt.NDArray[np.bool_]
