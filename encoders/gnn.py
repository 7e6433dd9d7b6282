"""Graph network embeddings, pre-trained without labels.

Several small networks (``gnn_network.py``), equal in shape, are trained at once. The pretext task
needs no training of candidate networks: predict, for the space's reference set, graph statistics,
path counts and known costs, by a linear map of the embedding. Zero-cost scores may be further
targets: the embedding then tells what they would say, of networks that nobody scores.

Source: Yan et al. (2020), "Does unsupervised architecture representation learning help neural
architecture search?", NeurIPS (pre-training without labels).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bonas.encoders.encoder import Scaling
from bonas.encoders.gnn_network import EnsembleGNN, GraphBatch, draw_weight
from bonas.encoders.paths import PathCounts
from bonas.encoders.scored_networks import ScoredNetworks
from bonas.encoders.statistics import GraphStatistics, vocabulary
from bonas.encoders.zero_cost import ZeroCostScores
from bonas.errors import InvalidArgument
from bonas.settings import own_settings
from bonas.spaces import Architecture, ArchitectureGraph, Space
from bonas.threads import one_thread

_OTHER = "\0other"  # stands for every label outside the reference set
_BATCH = 64  # graphs in a training step at most,
_BATCH_NODES = 6_000  # and nodes of all of them: large graphs come a few at a time
_SMALL = 16  # nodes of a graph whose sum over nodes needs no scaling
_CHUNK = 2_048  # graphs embedded at once
_RATE = 4e-2
_STEPS = 400
_LEAST_STEPS = 100
_NODE_STEPS = 200_000  # nodes that all default steps together see: some seconds of a core
_COPIES = 3  # of each score among the targets: so they weigh about as much as all others
_COMMON = 0.05  # a path that fewer architectures have is no pretext target


class GNNEncoder:
    """The concatenated embeddings of ``members`` pre-trained graph networks.

    Args:
        space: Its reference set is what the networks learn from.
        members: The number of networks; each starts from other weights.
        width: Columns of a node's state.
        layers: Rounds of message passing.
        embedding: Columns of one network's embedding.
        steps: Training steps; by default 400, fewer (but 100) where the graphs are large.
        seed: Seed of the weights and the batches.
        scores: Scored networks, whose scores are pretext targets, too; those of other networks are
            predicted (``ZeroCostScores``).

    Attributes:
        fit: Share of the variance of the pretext targets that the networks explain.
    """

    name = "gnn"
    scaling: Scaling = "block"

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
        seed: int = 0,
        scores: ScoredNetworks | None = None,
    ) -> None:
        self.width = members * embedding
        self.labels = [*vocabulary(space), _OTHER]
        self.features = max(
            (len(a.graph.features[0]) for a in space.reference if a.graph.features), default=0
        )
        known = list(space.reference)
        targets = _pretext_targets(space, scores)
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
            heads = draw_weight(members, embedding, targets.shape[1], generator)
            order = torch.randperm(len(known), generator=generator)
            batches = [
                (self._batch([known[int(i)].graph for i in rows]), targets[rows])
                for rows in torch.split(order, size)
            ]
            losses = _pre_train(self.network, heads, batches, steps)
        recent = losses[-len(batches) :]
        self.fit = 1.0 - sum(recent) / max(len(recent), 1) / max(float(targets.var()), 1e-12)

    @own_settings()
    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` embeddings, those of one network in neighbouring columns."""
        parts = [torch.zeros(0, self.width)]
        with torch.no_grad(), one_thread():
            for start in range(0, len(architectures), _CHUNK):
                graphs = [a.graph for a in architectures[start : start + _CHUNK]]
                embedded = self.network(self._batch(graphs))
                parts.append(embedded.transpose(0, 1).reshape(len(graphs), self.width))
        return torch.cat(parts).to(torch.float64)

    def _batch(self, graphs: Sequence[ArchitectureGraph]) -> GraphBatch:
        """Join graphs; the inputs of a node are its label, one-hot, and its scaled features."""
        for graph in graphs:
            found = 0 if graph.features is None else len(graph.features[0])
            if found != self.features:
                raise InvalidArgument(
                    f"expected {self.features} features per node as in the space's reference set, "
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


def _pre_train(
    network: EnsembleGNN,
    heads: nn.Parameter,
    batches: Sequence[tuple[GraphBatch, Tensor]],
    steps: int,
) -> list[float]:
    """Fit embedding times heads to the targets, in place; return the loss of each step."""
    optimizer = torch.optim.AdamW([*network.parameters(), heads], lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    losses = []
    for step in range(steps):
        batch, targets = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = (network(batch) @ heads - targets).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        schedule.step()
    return losses


def _feature_scale(graphs: Sequence[ArchitectureGraph], features: int) -> tuple[Tensor, Tensor]:
    """Return shift and scale that standardise all nodes' features; constant ones become 0."""
    rows = [row for graph in graphs for row in graph.features or ()]
    table = torch.tensor(rows, dtype=torch.float32)
    if not rows:
        return torch.zeros(features), torch.ones(features)
    sd = table.std(0, correction=0)
    return table.mean(0), torch.where(sd > 1e-6, 1.0 / sd, 0.0)


def _pretext_targets(space: Space, scores: ScoredNetworks | None = None) -> Tensor:
    """Return ``n x t`` standardised statistics, costs, counts of common paths, and scores."""
    known = list(space.reference)
    paths = PathCounts(space).encode(known)
    common = (paths > 0).to(torch.float64).mean(0) >= _COMMON
    further = [] if scores is None else [ZeroCostScores(space, scores).encode(known)] * _COPIES
    targets = torch.cat([GraphStatistics(space).encode(known), paths[:, common], *further], dim=1)
    sd = targets.std(0, correction=0)
    varying = sd > 1e-9
    standard = (targets[:, varying] - targets[:, varying].mean(0)) / sd[varying]
    return standard.to(torch.float32)
