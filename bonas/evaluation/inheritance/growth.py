"""Layers that a child has and its parent lacks, and how they start.

- A branch of nothing but new layers that is added to something old ends in zeros: the sum is what
  it was, behind whatever function. The zeros are the weights of the branch's last layer, which get
  a gradient at once; of a recurrence, those of its candidate states.
- A new layer in a chain, as wide as what it reads, starts as the identity if nothing but relu
  follows it, and relu or a like function comes before it.
- All others start as they were built.

Source: Chen, Goodfellow and Shlens (2016), "Net2Net", ICLR, section 2.4.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bonas.evaluation.inheritance.functions import GATES, NORMS
from bonas.evaluation.inheritance.recording import Recording

_MAPS = ("linear", "conv1d", "conv2d", "conv3d")
_CAN_BE_ZERO = (
    *_MAPS,
    *(f"depthwise_{name}" for name in _MAPS[1:]),
    *NORMS,
    *GATES,
    "embedding",
)


@dataclass(frozen=True)
class Growth:
    """The new layers that start as zeros, and those that start as the identity."""

    zeros: frozenset[int]
    identities: frozenset[int]

    @classmethod
    def of(cls, child: Recording, matched: Collection[int]) -> Growth:
        """Return how the layers of a child start that match none of its parent."""
        new = frozenset(range(len(child.layers))) - frozenset(matched)
        zeros = frozenset(
            layer
            for one, other in [*child.sums, *((b, a) for a, b in child.sums)]
            if one and one <= new and (other is None or not other <= new)
            for layer in one
            if child.layers[layer].kind in _CAN_BE_ZERO
        )
        branches = _feeding(child, zeros, new)
        found = (i for i in new - branches if _can_be_identity(child, i, new))
        return cls(zeros, frozenset(found))


def _feeding(child: Recording, ends: frozenset[int], new: frozenset[int]) -> frozenset[int]:
    """Return the new layers that lead to ``ends``, and these."""
    found, left = set(ends), list(ends)
    while left:
        for source in child.layers[left.pop()].sources & new:
            if source not in found:
                found.add(source)
                left.append(source)
    return frozenset(found)


def _can_be_identity(child: Recording, number: int, new: frozenset[int]) -> bool:
    """Return whether a layer, with the batch norm behind it, can return its input."""
    layer = child.layers[number]
    if layer.kind.removeprefix("depthwise_") not in _MAPS or not layer.keeps_shape:
        return False
    if any(size % 2 == 0 for size in layer.shape("weight")[2:]):
        return False
    behind = set(layer.activations)
    if layer.norm is not None:
        if layer.norm not in new:
            return False
        behind |= child.layers[layer.norm].activations
    return not behind or (behind == {"relu"} and layer.reads_positive)
