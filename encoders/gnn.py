"""A graph network's embedding, learnt without labels.

Several small networks, equal in shape, are trained at once: node states are a tensor
``members x nodes x width``, and message passing shares the edges. A layer mixes each node with what
arrives along the edges and against them:

    x_v <- x_v + relu(norm(A x_v + B sum_{u -> v} x_u + C sum_{v -> u} x_u))

A graph is read out as the sum and the maximum over its nodes and the sum over its outputs; a linear
map makes the embedding. The pretext task needs no training of candidate networks: predict, for the
space's reference set, graph statistics, path counts and known costs.

Sources: Gilmer et al. (2017), "Neural message passing for quantum chemistry", ICML; Wen et al.
(2020), "Neural predictor for neural architecture search", ECCV (both directions of an edge);
Yan et al. (2020), "Does unsupervised architecture representation learning help neural architecture
search?", NeurIPS (pre-training without labels).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import scatter

from bonas.encoders.paths import PathCounts
from bonas.encoders.statistics import GraphStatistics, vocabulary
from bonas.errors import InvalidArgument
from bonas.settings import own_settings
from bonas.spaces import OUTPUT, Architecture, ArchitectureGraph, Space
from bonas.threads import one_thread

_OTHER = "\0other"  # stands for every label outside the reference set
_BATCH = 64  # graphs in a training step at most,
_BATCH_NODES = 6_000  # and nodes of all of them: large graphs come a few at a time
_SMALL = 16  # nodes of a graph whose sum over nodes needs no scaling
_CHUNK = 2_048  # graphs embedded at once
_RATE = 4e-2
_TUNING_RATE = 5e-3
_STEPS = 400
_LEAST_STEPS = 100
_NODE_STEPS = 200_000  # nodes that all default steps together see: some seconds of a core
_COMMON = 0.05  # a path that fewer architectures have is no pretext target


class GNNEncoder:
    """The embeddings of ``members`` pre-trained graph networks, side by side.

    Args:
        space: Its reference set is what the networks learn from.
        members: Networks; each starts from other weights.
        width: Of a node's state.
        layers: Rounds of message passing.
        embedding: Columns of one network's embedding.
        steps: Training steps; by default 400, fewer (but 100) where the graphs are large.
        fine_tune: Whether a search trains the networks further on what it has measured; else they
            stay frozen.
        seed: Of the weights and the batches.

    Attributes:
        fit: Share of the variance of the pretext targets that the networks explain.
    """

    name = "gnn"
    scaling = "block"

    @own_settings()
    def __init__(
        self,
        space: Space,
        *,
        members: int = 4,
        width: int = 32,
        layers: int = 3,
        embedding: int = 24,
        steps: int | None = None,
        fine_tune: bool = False,
        seed: int = 0,
    ) -> None:
        self.width = members * embedding
        self.fine_tune = fine_tune
        self.labels = [*vocabulary(space), _OTHER]
        self.features = max(
            (len(a.graph.features[0]) for a in space.reference if a.graph.features), default=0
        )
        known = list(space.reference)
        targets = _pretext_targets(space)
        self._shift, self._scale = _feature_scale([a.graph for a in known], self.features)
        nodes = sum(len(a.graph) for a in known) / len(known)
        size = int(min(_BATCH, max(1, _BATCH_NODES // nodes)))
        if steps is None:
            steps = int(min(_STEPS, max(_LEAST_STEPS, _NODE_STEPS / (size * nodes))))
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            inputs = len(self.labels) + self.features
            scale = min(1.0, _SMALL / nodes)
            self.network = EnsembleGNN(inputs, members, width, layers, embedding, generator, scale)
            self._heads = _weight(members, embedding, targets.shape[1], generator)
            order = torch.randperm(len(known), generator=generator)
            self._pretext = [
                (self._batch([known[int(i)].graph for i in rows]), targets[rows])
                for rows in torch.split(order, size)
            ]
            losses = _trained(self.network, self._heads, self._pretext, steps, _RATE)
        recent = losses[-len(self._pretext) :]
        self.fit = 1.0 - sum(recent) / max(len(recent), 1) / max(float(targets.var()), 1e-12)

    @own_settings()
    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """``n x width`` embeddings, those of one network in neighbouring columns."""
        parts = [torch.zeros(0, self.width)]
        with torch.no_grad(), one_thread():
            for start in range(0, len(architectures), _CHUNK):
                graphs = [a.graph for a in architectures[start : start + _CHUNK]]
                embedded = self.network(self._batch(graphs))
                parts.append(embedded.transpose(0, 1).reshape(len(graphs), self.width))
        return torch.cat(parts).to(torch.float64)

    @own_settings()
    def fine_tuned(
        self, architectures: Sequence[Architecture], values: Tensor, *, steps: int = 150
    ) -> GNNEncoder:
        """A copy trained further, on measured ``n x m`` values beside the pretext task.

        Deterministic: the same values give the same copy.
        """
        tuned = copy.deepcopy(self)
        z = _standardised(values.to(torch.float64)).to(torch.float32)
        graphs = self._batch([a.graph for a in architectures])
        members, embedding = self.network.members, self.width // self.network.members
        generator = torch.Generator().manual_seed(len(architectures))
        with one_thread():
            measured = (graphs, z, _weight(members, embedding, z.shape[1], generator))
            _trained(tuned.network, tuned._heads, self._pretext, steps, _TUNING_RATE, measured)
        return tuned

    def _batch(self, graphs: Sequence[ArchitectureGraph]) -> GraphBatch:
        """Of every node its label, one-hot, and its scaled features."""
        for graph in graphs:
            found = 0 if graph.features is None else len(graph.features[0])
            if found != self.features:
                raise InvalidArgument(
                    f"expected {self.features} features a node as in the space's reference set, "
                    f"got {found}; let graph() give every node equally many"
                )
        other = len(self.labels) - 1
        column = {label: i for i, label in enumerate(self.labels)}
        codes = [column.get(label, other) for graph in graphs for label in graph.labels]
        x = nn.functional.one_hot(torch.tensor(codes), len(self.labels)).to(torch.float32)
        if self.features:
            rows = np.array([row for graph in graphs for row in graph.features or ()], np.float32)
            x = torch.cat([x, (torch.from_numpy(rows) - self._shift) * self._scale], dim=1)
        return GraphBatch.of(x, graphs)


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
        """Graphs, and one row of ``x`` for each of their nodes."""
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
    """``members`` equal graph networks: a batch of ``g`` graphs to ``members x g x embedding``."""

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
        self.first = _weight(members, inputs, width, generator)
        self.layers = nn.ModuleList(DirectedConv(members, width, generator) for _ in range(layers))
        self.last = _weight(members, 3 * width, embedding, generator)

    def forward(self, batch: GraphBatch) -> Tensor:
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


class DirectedConv(MessagePassing):  # type: ignore[misc]  # torch_geometric is untyped
    """One round of messages along and against the edges, for all members at once."""

    def __init__(self, members: int, width: int, generator: torch.Generator) -> None:
        super().__init__(aggr="sum")
        self.members = members
        self.own = _weight(members, width, width, generator)
        self.along = _weight(members, width, width, generator)
        self.against = _weight(members, width, width, generator)
        self.shift = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor, along: Tensor, against: Tensor) -> Tensor:
        """``members x nodes x width`` to the same shape."""
        sent = self.propagate(along, x=_side_by_side(x @ self.along))
        back = self.propagate(against, x=_side_by_side(x @ self.against))
        mixed = x @ self.own + _by_member(sent + back, self.members)
        return x + torch.relu(nn.functional.layer_norm(mixed, x.shape[-1:]) + self.shift)

    def message_and_aggregate(self, adj_t: Tensor, x: Tensor) -> Tensor:
        """The sum over neighbours as a sparse matrix product."""
        out: Tensor = torch.sparse.mm(adj_t, x)
        return out


def _adjacency(indices: Tensor, nodes: int) -> Tensor:
    """A sparse ``nodes x nodes`` matrix with ones at (target, source) ``indices``."""
    ones = torch.ones(indices.shape[1])
    return torch.sparse_coo_tensor(indices, ones, (nodes, nodes), check_invariants=True).coalesce()


def _side_by_side(x: Tensor) -> Tensor:
    """``members x nodes x width`` to ``nodes x (members * width)``: one sparse product for all."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _by_member(x: Tensor, members: int) -> Tensor:
    """The way back."""
    return x.reshape(len(x), members, -1).transpose(0, 1)


def _weight(members: int, inputs: int, outputs: int, generator: torch.Generator) -> nn.Parameter:
    drawn = torch.randn(members, inputs, outputs, generator=generator)
    return nn.Parameter(drawn / math.sqrt(inputs))


def _trained(
    network: EnsembleGNN,
    heads: nn.Parameter,
    pretext: Sequence[tuple[GraphBatch, Tensor]],
    steps: int,
    rate: float,
    measured: tuple[GraphBatch, Tensor, nn.Parameter] | None = None,
) -> list[float]:
    """Fit embedding times heads to the targets, in place; the pretext loss of each step."""
    more = [] if measured is None else [measured[2]]
    optimizer = torch.optim.AdamW([*network.parameters(), heads, *more], lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1)
    losses = []
    for step in range(steps):
        batch, targets = pretext[step % len(pretext)]
        optimizer.zero_grad()
        loss = (network(batch) @ heads - targets).square().mean()
        losses.append(loss.item())
        if measured is not None:
            graphs, values, own_heads = measured
            loss = loss + (network(graphs) @ own_heads - values).square().mean()
        loss.backward()
        optimizer.step()
        schedule.step()
    return losses


def _feature_scale(graphs: Sequence[ArchitectureGraph], features: int) -> tuple[Tensor, Tensor]:
    """What makes the columns of all nodes' features standard; constant ones become 0."""
    rows = [row for graph in graphs for row in graph.features or ()]
    table = torch.tensor(rows, dtype=torch.float32)
    if not rows:
        return torch.zeros(features), torch.ones(features)
    sd = table.std(0, correction=0)
    return table.mean(0), torch.where(sd > 1e-6, 1.0 / sd, 0.0)


def _pretext_targets(space: Space) -> Tensor:
    """``n x t`` statistics, costs and counts of common paths of the reference set, standardised."""
    known = list(space.reference)
    paths = PathCounts(space).encode(known)
    common = (paths > 0).to(torch.float64).mean(0) >= _COMMON
    targets = torch.cat([GraphStatistics(space).encode(known), paths[:, common]], dim=1)
    return _standardised(targets).to(torch.float32)


def _standardised(values: Tensor) -> Tensor:
    """Each column with mean 0 and standard deviation 1; constant columns are left out."""
    sd = values.std(0, correction=0)
    varying = sd > 1e-9
    return (values[:, varying] - values[:, varying].mean(0)) / sd[varying]
