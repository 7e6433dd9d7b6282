"""An alignment of the layers of two networks that keeps their order.

    S(i, j) = max of S(i-1, j-1) + s(i, j), and of a gap in either sequence

Layers of one kind match by s = 2 + 2 x (the share that their shapes have in common) - 1.5 x
(how many parts of their names differ), where places in lists count little: a block that
was inserted shifts the blocks behind it, but edges of a cell keep their places. Opening a gap costs
a little, and more between two layers whose names begin alike: a block is left out as a whole.

Sources: Needleman and Wunsch (1970), "A general method applicable to the search for similarities in
the amino acid sequence of two proteins", J. Mol. Biol.; Gotoh (1982), "An improved algorithm for
matching biological sequences", J. Mol. Biol.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from bonas.evaluation.inheritance.layers import Layer

_GAP = 0.25
_SPLIT = 3.0  # more, times the share of the names that two layers begin with
_NAME, _NUMBER = 1.5, 0.1  # what another part of a name counts, and another place in a list
_NEVER = -1e9

Array = npt.NDArray[np.float64]


def aligned(child: Sequence[Layer], parent: Sequence[Layer]) -> dict[int, int]:
    """Return the number of a layer of ``child`` -> that of the layer of ``parent`` it matches.

    Layers that the order keeps apart match all the same if kind, name and shapes are equal.
    """
    scores = np.array([[_score(a, b) for b in parent] for a in child]).reshape(
        len(child), len(parent)
    )
    found = _in_order(scores, _splits(child), _splits(parent))
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
    return 2.0 + 2.0 * common - _difference(a.names[a.main], b.names[b.main])


def _difference(one: str, other: str) -> float:
    """Return how much two dotted names differ."""
    parts = zip_longest(one.split("."), other.split("."), fillvalue="")
    found = sum(_NUMBER if (x + y).isdigit() else _NAME for x, y in parts if x != y)
    return min(found, 2.0 * _NAME)


def _splits(layers: Sequence[Layer]) -> Array:
    """Return the cost of a gap before each layer, and behind the last."""
    names = [layer.names[layer.main].split(".") for layer in layers]
    costs = np.full(len(layers) + 1, _GAP)
    for i in range(1, len(layers)):
        one, other = names[i - 1], names[i]
        same = next(
            (n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), len(one)
        )
        costs[i] += _SPLIT * same / max(len(one), len(other))
    return costs


def _in_order(scores: Array, of_child: Array, of_parent: Array) -> dict[int, int]:
    """Return the alignment of the greatest score.

    Args:
        scores: ``n x m``.
        of_child: ``n + 1`` costs of gaps between layers of the child.
        of_parent: ``m + 1`` of gaps between those of the parent.
    """
    n, m = scores.shape
    best = np.full((n + 1, m + 1, 3), _NEVER)  # it ends in a match, in a gap of either sequence
    best[0, 0, 0] = 0.0
    best[0, 1:, 1], best[1:, 0, 2] = -of_child[0], -of_parent[0]
    for i in range(1, n + 1):
        row, above, gap = best[i].tolist(), best[i - 1].tolist(), of_child[i]
        for j in range(1, m + 1):
            left, up, other = row[j - 1], above[j], of_parent[j]
            row[j] = [
                max(above[j - 1]) + scores[i - 1, j - 1],
                max(left[0] - gap, left[1], left[2] - gap),
                max(up[0] - other, up[1] - other, up[2]),
            ]
        best[i] = row
    return _traced(best, scores, of_child, of_parent)


def _traced(best: Array, scores: Array, of_child: Array, of_parent: Array) -> dict[int, int]:
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
        costs = np.full(3, of_child[i] if state == 1 else of_parent[j])
        costs[state] = 0.0
        i, j = (i, j - 1) if state == 1 else (i - 1, j)
        state = int((best[i, j] - costs).argmax())
    return {a: b for a, b in found.items() if scores[a, b] > 0}
