"""Mixtures of the networks of a ``CellSpace``: every edge computes all of its operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from bonas.gradient_search.mixture.mixed_operation import MixedOperation, Weights, present
from bonas.spaces import CellSpace, Choices
from bonas.spaces.cells.network import Cell


def mix_cells(
    space: CellSpace, build: Callable[[Choices], nn.Module], decisions: Mapping[str, Weights]
) -> nn.Module:
    """Return a network of the space in whose cells each edge is a mixed operation.

    Args:
        space: Of the cells.
        build: Builds a network; one is built for each operation, and its modules are used.
        decisions: The name of an edge -> what returns the weights of its operations.

    Raises:
        InvalidSpace: if ``none`` is its only operation.
    """
    names = present(space.operations)
    built = {name: build(dict.fromkeys(space.parameters, name)) for name in names}
    network = built[names[0]]
    modules = {name: _cells(one) for name, one in built.items()}
    for i, cell in enumerate(_cells(network)):
        mixed = {}
        for edge, (source, target) in space.edges.items():
            place = f"{source}_{target}"
            options = {
                name: modules[name][i].operations[place] if name in modules else None
                for name in space.operations
            }
            mixed[place] = MixedOperation(options, decisions[edge])
        cell.operations = nn.ModuleDict(mixed)
    return network


def _cells(network: nn.Module) -> list[Cell]:
    return [module for module in network.modules() if isinstance(module, Cell)]
