"""Layers: what a network computes with its weights, call by call, and what their axes stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torch import Tensor

from bonas.evaluation.inheritance.units import FREE

AxisKind = Literal["out", "in", "rows", "kernel", "fixed"]


class Axis(NamedTuple):
    """One dimension of a tensor of weights.

    Attributes:
        kind: ``out`` counts what a layer computes, ``in`` what it sums over, ``rows`` what it looks
            up or adds place by place; ``kernel`` is a side of a kernel, whose centre stays; what a
            ``fixed`` axis counts is not known, so that it cannot be cut.
        units: The unit of each place; ``FREE`` where there is none.
    """

    kind: AxisKind
    units: Tensor


@dataclass
class Layer:
    """One call with weights; the tensors stand under the names of the function's arguments.

    Attributes:
        kind: The function's plain name, with what distinguishes its weights.
        names: An argument -> the name of its tensor in the network.
        axes: An argument -> the axes of its tensor.
        sources: The layers whose outputs it reads, with other functions between them.
        keeps_shape: Whether its output has the shape of its input.
        reads_positive: Whether its input is known to have no negative numbers.
        norm: The batch norm that reads its output, if one does.
        activations: The functions other than sums that read its output.
    """

    kind: str
    names: Mapping[str, str]
    axes: Mapping[str, tuple[Axis, ...]]
    sources: frozenset[int] = frozenset()
    keeps_shape: bool = False
    reads_positive: bool = False
    norm: int | None = None
    activations: set[str] = field(default_factory=set)

    def shape(self, argument: str) -> tuple[int, ...]:
        """Return the shape of one of its tensors."""
        return tuple(len(axis.units) for axis in self.axes[argument])

    @property
    def main(self) -> str:
        """The argument that describes it best: its weight, or else the first."""
        return "weight" if "weight" in self.axes else next(iter(self.axes))


class Sum(NamedTuple):
    """A sum of two tensors: the layers that have to be zero for each of them to be zero.

    None where no layers make it zero.
    """

    left: frozenset[int] | None
    right: frozenset[int] | None


@dataclass(frozen=True)
class Flow:
    """What is known of a tensor that depends on the network's inputs or weights.

    Attributes:
        shadow: The unit of each number.
        sources: The nearest layers that it was computed by.
        terms: The layers of which it is a sum, so that it is zero when they are; None if unknown.
        head: The layer whose output it is, only rearranged.
        positive: Whether it is known to have no negative numbers.
    """

    shadow: Tensor
    sources: frozenset[int] = frozenset()
    terms: frozenset[int] | None = None
    head: int | None = None
    positive: bool = False


def is_free(units: Tensor) -> bool:
    """Return whether no place of an axis has a unit."""
    return bool((units == FREE).all())
