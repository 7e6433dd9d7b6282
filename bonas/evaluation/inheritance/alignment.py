"""An alignment of the layers of two networks that keeps their order.

    S(i, j) = max of S(i-1, j-1) + s(i, j), and of a gap in either sequence

Layers of one kind match by s = 1 + 2 x (the share that their shapes have in common) + (the share
that the parts of their names have in common), so that a block that was inserted shifts the blocks
behind it. Opening a gap costs a little: a block is left out as a whole.

Sources: Needleman and Wunsch (1970), "A general method applicable to the search for similarities in
the amino acid sequence of two proteins", J. Mol. Biol.; Gotoh (1982), "An improved algorithm for
matching biological sequences", J. Mol. Biol.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bonas.evaluation.inheritance.layers import Layer

_GAP = 0.25
_NEVER = -1e9


def aligned(child: Sequence[Layer], parent: Sequence[Layer]) -> dict[int, int]:
    """Return the number of a layer of ``child`` -> that of the layer of ``parent`` it matches.

    Layers that the order keeps apart match all the same if kind, name and shapes are equal.
    """
    scores = np.array([[_score(a, b) for b in parent] for a in child]).reshape(
        len(child), len(parent)
    )
    found = _in_order(scores)
    left = {_identity(layer): j for j, layer in enumerate(parent) if j not in found.values()}
    for i, layer in enumerate(child):
        if i not in found and (j := left.pop(_identity(layer), None)) is not None:
            found[i] = j
    return dict(sorted(found.items()))


def _identity(layer: Layer) -> tuple[object, ...]:
    shapes = [(name, layer.names[name], layer.shape(name)) for name in layer.axes]
    return (layer.kind, *shapes)


def _score(a: Layer, b: Layer) -> float:
    if a.kind != b.kind or a.main != b.main:
        return _NEVER
    one, other = a.shape(a.main), b.shape(b.main)
    if len(one) != len(other):
        return _NEVER
    common = 1.0
    for m, n in zip(one, other, strict=True):
        common *= min(m, n) / max(m, n, 1)
    return 1.0 + 2.0 * common + _similarity(a.names[a.main], b.names[b.main])


def _similarity(one: str, other: str) -> float:
    """Return the share of equal parts of two dotted names."""
    a, b = one.split("."), other.split(".")
    return sum(x == y for x, y in zip(a, b, strict=False)) / max(len(a), len(b))


def _in_order(scores: npt.NDArray[np.float64]) -> dict[int, int]:
    """Return the alignment of the greatest score, with the cost of each gap that is opened."""
    n, m = scores.shape
    best = np.zeros((n + 1, m + 1, 3))  # it ends in a match, in a gap of either sequence
    best[:, :, 0] = _NEVER
    best[0, 0] = (0.0, -_GAP, -_GAP)
    best[0, 1:, 1] = best[1:, 0, 2] = -_GAP
    best[0, 1:, 2] = best[1:, 0, 1] = _NEVER
    for i in range(1, n + 1):
        row, above = best[i].tolist(), best[i - 1].tolist()
        for j in range(1, m + 1):
            left, up = row[j - 1], above[j]
            row[j] = [
                max(above[j - 1]) + scores[i - 1, j - 1],
                max(left[0] - _GAP, left[1], left[2] - _GAP),
                max(up[0] - _GAP, up[1] - _GAP, up[2]),
            ]
        best[i] = row
    return _traced(best, scores)


def _traced(best: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> dict[int, int]:
    """Return the matches on the way back from the end; of equal ways, the first of the three."""
    i, j = scores.shape
    found = {}
    state = int(best[i, j].argmax())
    while i and j:
        if state == 0:
            found[i - 1] = j - 1
            i, j = i - 1, j - 1
            state = int(best[i, j].argmax())
            continue
        i, j = (i, j - 1) if state == 1 else (i - 1, j)
        costs = np.full(3, _GAP)
        costs[state] = 0.0
        state = int((best[i, j] - costs).argmax())
    return {a: b for a, b in found.items() if scores[a, b] > 0}
