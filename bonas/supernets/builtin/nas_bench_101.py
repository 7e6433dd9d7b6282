"""Weights that networks of NAS-Bench-101 share: a tensor per cell, vertex and operation.

A vertex has its number in the pruned cell, so vertices and edges on no path change nothing: all
choices that prune to one cell have the same weights. The width of a vertex follows from how many
vertices go to the output; a narrower convolution has the first channels of a wider one, as the cell
itself cuts what a vertex reads to the first channels. The projections of the cell's input have a
tensor per vertex; that of the output has its own, whatever number the output has.

Sources: Ying et al. (2019), "NAS-Bench-101: Towards reproducible neural architecture search", ICML;
Yu et al. (2020), "Evaluating the search phase of neural architecture search", ICLR, which shares
channels alike.
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.nas_bench_101 import NASBench101Space
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece


def nas_bench_101_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a network of NAS-Bench-101."""
    assert isinstance(space, NASBench101Space)
    pruned = space.cell(choices)

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        key = name
        match name.split("."):
            case ["body", cell, "operations", i, *rest]:
                vertex, operation = int(i) + 1, pruned.operations[int(i)]
                key = ".".join(["body", cell, f"vertex{vertex}", operation, *rest])
            case ["body", cell, "projections", vertex, *rest]:
                end = "output" if int(vertex) == pruned.last else f"vertex{vertex}"
                key = ".".join(["body", cell, end, "projection", *rest])
        return (Piece(key, tuple(parameter.shape)),)

    return pieces
