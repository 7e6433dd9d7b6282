"""An ensemble of message-passing networks over batches of architecture graphs.

Node states are a tensor ``members x nodes x width``, and message passing shares the edges. A layer
mixes each node with what arrives along the edges and against them:

    x_v <- x_v + relu(norm(A x_v + B sum_{u -> v} x_u + C sum_{v -> u} x_u) + s)

A graph is read out as the sum and the maximum over its nodes and the sum over its outputs; a linear
map makes the embedding. The sums over neighbours are products with a sparse adjacency matrix, one
for all members.

Sources: Gilmer et al. (2017), "Neural message passing for quantum chemistry", ICML; Wen et al.
(2020), "Neural predictor for neural architecture search", ECCV (both directions of an edge).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from bonas.spaces import OUTPUT, ArchitectureGraph


@dataclass(frozen=True)
class GraphBatch:
    """``g`` graphs as one: node inputs, adjacency both ways, each node's graph, the outputs."""

    x: Tensor
    along: Tensor
    against: Tensor
    graph: Tensor
    outputs: Tensor
    g: int

    @classmethod
    def of(cls, x: Tensor, graphs: Sequence[ArchitectureGraph]) -> GraphBatch:
        """Join graphs; ``x`` has one row for each of their nodes."""
        starts = np.cumsum([0, *map(len, graphs)])
        pairs = zip(starts.tolist(), graphs, strict=False)
        edges = [(s + start, t + start) for start, graph in pairs for s, t in graph.edges]
        indices = torch.from_numpy(np.array(edges, np.int64).reshape(-1, 2).T.copy())
        ends = [label == OUTPUT for graph in graphs for label in graph.labels]
        return cls(
            x=x,
            along=_adjacency(indices.flip(0), len(x)),
            against=_adjacency(indices, len(x)),
            graph=torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff(starts))),
            outputs=torch.tensor(ends).nonzero().squeeze(1),
            g=len(graphs),
        )


class EnsembleGNN(nn.Module):
    """``members`` equal graph networks: a batch of ``g`` graphs to ``members x g x embedding``.

    Args:
        inputs: Columns of the node inputs.
        members: How many networks.
        width: Columns of a node's state.
        layers: Rounds of message passing.
        embedding: Columns of one network's embedding.
        generator: Draws the weights.
        scale: What the sums over nodes are multiplied by.
    """

    def __init__(
        self,
        inputs: int,
        members: int,
        width: int,
        layers: int,
        embedding: int,
        generator: torch.Generator,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.members, self.scale = members, scale
        self.first = draw_weight(members, inputs, width, generator)
        self.layers = nn.ModuleList(DirectedConv(members, width, generator) for _ in range(layers))
        self.last = draw_weight(members, 3 * width, embedding, generator)

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return the embeddings of a batch of graphs."""
        x = batch.x @ self.first
        for layer in self.layers:
            x = layer(x, batch.along, batch.against)
        nodes = _side_by_side(x)
        total = self.scale * scatter(nodes, batch.graph, dim_size=batch.g, reduce="sum")
        largest = scatter(nodes, batch.graph, dim_size=batch.g, reduce="max")
        ends = batch.outputs
        output = scatter(nodes[ends], batch.graph[ends], dim_size=batch.g, reduce="sum")
        readout = [_by_member(part, self.members) for part in (total, largest, output)]
        out: Tensor = torch.cat(readout, dim=-1) @ self.last
        return out


class DirectedConv(nn.Module):
    """One round of messages along and against the edges, for all members at once."""

    def __init__(self, members: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.members = members
        self.own = draw_weight(members, width, width, generator)
        self.along = draw_weight(members, width, width, generator)
        self.against = draw_weight(members, width, width, generator)
        self.shift = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor, along: Tensor, against: Tensor) -> Tensor:
        """Map ``members x nodes x width`` to the same shape, by sparse adjacency matrices."""
        sent = torch.sparse.mm(along, _side_by_side(x @ self.along))
        back = torch.sparse.mm(against, _side_by_side(x @ self.against))
        mixed = x @ self.own + _by_member(sent + back, self.members)
        return x + torch.relu(nn.functional.layer_norm(mixed, x.shape[-1:]) + self.shift)


def draw_weight(
    members: int, inputs: int, outputs: int, generator: torch.Generator
) -> nn.Parameter:
    """Draw normal weights ``members x inputs x outputs`` that keep the variance of their inputs."""
    drawn = torch.randn(members, inputs, outputs, generator=generator)
    return nn.Parameter(drawn / math.sqrt(inputs))


def _adjacency(indices: Tensor, nodes: int) -> Tensor:
    """Return a sparse ``nodes x nodes`` matrix with ones at (target, source) ``indices``."""
    ones = torch.ones(indices.shape[1])
    return torch.sparse_coo_tensor(indices, ones, (nodes, nodes), check_invariants=True).coalesce()


def _side_by_side(x: Tensor) -> Tensor:
    """Reshape ``members x nodes x width`` to ``nodes x (members * width)``."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _by_member(x: Tensor, members: int) -> Tensor:
    """Reshape ``nodes x (members * width)`` to ``members x nodes x width``."""
    return x.reshape(len(x), members, -1).transpose(0, 1)
