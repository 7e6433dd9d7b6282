"""The transfer of weights from a parent to a child, tensor by tensor.

A row of the child is the matching row of the parent. A column is the matching column times a share;
the shares of the copies of one column are random for each weight and sum up to 1, so that the sum
over all columns is what it was, and the copies do not learn the same for ever. Columns and places
of a kernel without a counterpart are zero. What else has no counterpart stays as it was built.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from bonas.evaluation.inheritance.functions import GATES
from bonas.evaluation.inheritance.layers import Axis, Layer
from bonas.evaluation.inheritance.matching import NONE, Matching
from bonas.evaluation.inheritance.units import Array

_ADDITIVE = ("in", "kernel")  # axes that are summed over
_CANDIDATE = 2  # the block of candidate states in the fused weights of lstm and gru


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers by name, tied ones once."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


class Transfer:
    """Copies weights into a child, and counts them.

    Args:
        child: The network that inherits; its weights are changed.
        parent: The network that it inherits from.
        rng: Draws the shares.

    Attributes:
        inherited: A parameter -> how many of its values came from the parent.
        renamed: Whether any came from a tensor of another name or shape.
    """

    def __init__(self, child: nn.Module, parent: nn.Module, rng: np.random.Generator) -> None:
        self.own, self.theirs = state_of(child), state_of(parent)
        self._weights = {name for name, _ in child.named_parameters()}
        self._rng = rng
        self.inherited: dict[str, int] = {}
        self.renamed = False

    @torch.no_grad()
    def copy_layer(self, own: Layer, theirs: Layer, matching: Matching) -> None:
        """Copy what two matching layers have in common."""
        for argument in own.axes.keys() & theirs.axes.keys():
            a, b = own.axes[argument], theirs.axes[argument]
            if len(a) == len(b):
                places = [matching.places(x, y) for x, y in zip(a, b, strict=True)]
                names = own.names[argument], theirs.names[argument]
                self._copy(names, a, places)

    @torch.no_grad()
    def copy_equal(self, names: set[str]) -> None:
        """Copy the tensors of these names that have the same shape in both networks."""
        for name in sorted(names & self.own.keys() & self.theirs.keys()):
            own, other = self.own[name], self.theirs[name]
            if own.shape == other.shape and name not in self.inherited:
                own.copy_(other)
                self._count(name, own.numel())

    def share(self) -> float:
        """Return the share of the child's parameters that came from the parent."""
        total = sum(self.own[name].numel() for name in self._weights)
        return sum(self.inherited.values()) / total if total else 0.0

    def _count(self, name: str, number: int) -> None:
        if name in self._weights:
            self.inherited[name] = number

    def _copy(self, names: tuple[str, str], axes: tuple[Axis, ...], places: list[Array]) -> None:
        own, other = self.own[names[0]], self.theirs[names[1]].to(self.own[names[0]])
        if other.dim() != own.dim() or names[0] in self.inherited:
            return
        found = [torch.from_numpy(at != NONE).to(own.device) for at in places]
        if not all(bool(some.any()) for some in found):
            return
        value = other
        for dim, at in enumerate(places):
            index = torch.from_numpy(np.maximum(at, 0)).to(own.device)
            value = value.index_select(dim, index)
        for dim, (axis, at) in enumerate(zip(axes, places, strict=True)):
            if axis.kind == "in":
                value = value * self._shares(value, dim, at)
        rows = _meshed([f for f, a in zip(found, axes, strict=True)], axes, only_rows=True)
        whole = _meshed(found, axes, only_rows=False)
        zero = torch.zeros((), dtype=own.dtype, device=own.device)
        own.copy_(torch.where(whole, value, torch.where(rows, zero, own)))
        self._count(names[0], int(whole.expand(own.shape).sum()))
        self.renamed |= names[0] != names[1] or own.shape != other.shape

    def _shares(self, value: Tensor, dim: int, places: Array) -> Tensor | float:
        """Return the share of each copy of a column; 1 where there is a single one."""
        used, counts = np.unique(places[places != NONE], return_counts=True)
        if not (counts > 1).any():
            return 1.0
        repeated = set(used[counts > 1].tolist())
        shape = [1] * value.dim()
        shape[dim] = -1
        twice = torch.tensor([place in repeated for place in places.tolist()]).view(shape)
        drawn = torch.from_numpy(self._rng.uniform(0.5, 1.5, tuple(value.shape)))
        index = torch.from_numpy(np.maximum(places, 0))
        sums = torch.zeros(
            *value.shape[:dim], int(index.max()) + 1, *value.shape[dim + 1 :], dtype=drawn.dtype
        ).index_add_(dim, index, drawn * torch.from_numpy(places != NONE).view(shape))
        shares = torch.where(twice, drawn / sums.index_select(dim, index).clamp(min=1e-9), 1.0)
        return shares.to(value)


def _meshed(found: list[Tensor], axes: tuple[Axis, ...], *, only_rows: bool) -> Tensor:
    """Return which numbers have a counterpart along all axes, or along those that are no sums."""
    mask = torch.ones((), dtype=torch.bool, device=found[0].device if found else None)
    for dim, (some, axis) in enumerate(zip(found, axes, strict=True)):
        if only_rows and axis.kind in _ADDITIVE:
            continue
        shape = [1] * len(found)
        shape[dim] = -1
        mask = mask & some.view(shape)
    return mask


@torch.no_grad()
def set_zero(layer: Layer, state: Mapping[str, Tensor]) -> None:
    """Let a layer return zeros; a recurrence that starts with zeros returns no others."""
    for argument in ("weight", "bias", "recurrent", "recurrent_bias"):
        if argument in layer.names:
            tensor = state[layer.names[argument]]
            gates = GATES.get(layer.kind, 1)
            block = min(_CANDIDATE, gates - 1)
            tensor.chunk(gates)[block].zero_()


@torch.no_grad()
def set_identity(layer: Layer, state: Mapping[str, Tensor]) -> None:
    """Let a linear map or a convolution return its input."""
    weight = state[layer.names["weight"]]
    centre = tuple(size // 2 for size in weight.shape[2:])
    weight.zero_()
    for i in range(len(weight)):
        weight[(i, 0 if layer.kind.startswith("depthwise") else i, *centre)] = 1.0
    if "bias" in layer.names:
        state[layer.names["bias"]].zero_()
