"""Mixtures of the networks of a ``DARTSSpace``: every state reads all states before it.

A state is the sum of two operations on a pair of earlier states. Pair and operations are decided
independently, so that the expectation of the state over these decisions is

    sum_i sum_o w_io o_i(x_i)
    w_io = P(i is first) P(first is o) + P(i is second) P(second is o)

with one module ``o_i`` for an operation on the edge from a state, whichever of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from bonas.gradient_search.mixture.decision import Decision
from bonas.gradient_search.mixture.mixed_operation import MixedOperation, present
from bonas.spaces import Choices, DARTSSpace
from bonas.spaces.darts.network import Cell

_Place = tuple[str, int, int, str]  # name of the cell, state, source, operation


class EdgeWeights(nn.Module):
    """The weights of the operations on the edge from a state to a later one.

    Args:
        source: The earlier state.
        inputs: Decides on a pair of states.
        first: Decides on the operation on the first of them.
        second: Decides on that on the second.
    """

    from_first: Tensor
    from_second: Tensor

    def __init__(self, source: int, inputs: Decision, first: Decision, second: Decision) -> None:
        super().__init__()
        self.inputs, self.first, self.second = inputs, first, second
        self._source = source
        self._pairs = [tuple(map(int, str(option).split("+"))) for option in inputs.options]
        for i, name in enumerate(("from_first", "from_second")):
            self.register_buffer(name, torch.tensor([float(p[i] == source) for p in self._pairs]))

    @property
    def possible(self) -> list[bool]:
        """Whether each operation may have a weight other than 0."""
        pairs = [pair for pair, kept in zip(self._pairs, self.inputs.possible, strict=True) if kept]
        reads = [any(pair[i] == self._source for pair in pairs) for i in (0, 1)]
        both = zip(self.first.possible, self.second.possible, strict=True)
        return [(reads[0] and first) or (reads[1] and second) for first, second in both]

    def forward(self) -> Tensor:
        pairs = self.inputs()
        first, second = (pairs * self.from_first).sum(), (pairs * self.from_second).sum()
        weights: Tensor = first * self.first() + second * self.second()
        return weights


def mix_darts(
    space: DARTSSpace, build: Callable[[Choices], nn.Module], decisions: Mapping[str, Decision]
) -> nn.Module:
    """Return a network of the space in whose cells each edge is a mixed operation.

    Args:
        space: Of the cells.
        build: Builds a network; some are built for each operation, and their modules are used.
        decisions: A name out of ``space.options`` -> the decision.

    Raises:
        InvalidSpace: if ``none`` is its only operation.
    """
    modules: dict[_Place, nn.Module] = {}
    for operation in present(space.operations):
        for choices in _covering(space, operation):
            network = build(choices)
            modules |= _modules(network)
    kinds = _kinds(space)
    for name, cell in _cells(network):
        designs, mixed = [], {}
        for state in range(2, space.nodes + 2):
            designs.append(tuple(("mixed", source) for source in range(state)))
            parts = [decisions[f"{kinds[name]}_{state}_{part}"] for part in _PARTS]
            for source in range(state):
                options = {o: modules.get((name, state, source, o)) for o in space.operations}
                mixed[f"{state}_{source}"] = MixedOperation(options, EdgeWeights(source, *parts))
        cell.design, cell.operations = tuple(designs), nn.ModuleDict(mixed)
    return network


_PARTS = ("inputs", "first", "second")


def _covering(space: DARTSSpace, operation: str) -> Iterator[Choices]:
    """Yield networks of one operation in which, together, each state reads all before it."""
    constant = {o: operation for o in space.parameters if o.endswith(("first", "second"))}
    for start in range(0, space.nodes + 1, 2):
        choices = dict(constant)
        for name, options in space.options.items():
            if name.endswith("inputs") and name in space.parameters:
                last = int(name.split("_")[1]) - 1
                low = min(start, last - 1)
                choices[name] = f"{low}+{low + 1}"
                assert choices[name] in options
        yield space.completed(choices)


def _modules(network: nn.Module) -> dict[_Place, nn.Module]:
    """Return the operations of a network by their place."""
    return {
        (name, state, source, operation): cell.operations[f"{state}_{n}"]
        for name, cell in _cells(network)
        for state, steps in enumerate(cell.design, start=2)
        for n, (operation, source) in enumerate(steps)
    }


def _cells(network: nn.Module) -> list[tuple[str, Cell]]:
    return [(name, module) for name, module in network.named_modules() if isinstance(module, Cell)]


def _kinds(space: DARTSSpace) -> dict[str, str]:
    """Return the qualified name of a cell -> normal or reduce."""
    reductions = space.plan(space.completed({})).reductions
    return {f"cells.{i}": "reduce" if i in reductions else "normal" for i in range(space.cells)}
