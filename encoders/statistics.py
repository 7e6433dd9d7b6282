"""Graph statistics: a few numbers that characterise a network.

Of each label: how many live nodes have it, how many of these read an input, how many feed an
output, and the most that lie on one path. Of the graph: nodes, edges, input-output paths, the
shortest and the longest path in operations, and whether there is a path at all. Where the space
knows costs (parameters, multiply-adds), their logarithms.

Source: the idea and its strength are shown by Kadlecova et al. (2024), "Surprisingly strong
performance prediction with neural graph features", ICML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bonas.encoders.paths import log1p
from bonas.spaces import IDENTITY, INPUT, OUTPUT, Architecture, ArchitectureGraph, Space

_OF_GRAPH = 6
_OF_LABEL = 4


class GraphStatistics:
    """The statistics of the live graph, means of node features, logarithms of costs.

    In this order: ``4 x labels + 6`` statistics, the mean of each node feature,
    ``log(1 + cost)`` of each cost that the space knows of some architecture, 0 where it has none.
    """

    name = "statistics"

    def __init__(self, space: Space) -> None:
        self.space = space
        known = space.reference
        self.labels = [label for label in vocabulary(space) if label not in (INPUT, OUTPUT)]
        self.features = max(
            (len(a.graph.features[0]) for a in known if a.graph.features), default=0
        )
        self.costs = sorted({name for a in known for name in space.costs(a.choices)})
        self.width = _OF_LABEL * len(self.labels) + _OF_GRAPH + self.features + len(self.costs)

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` values; labels outside the reference set count as nodes only."""
        rows = [self._row(a) for a in architectures]
        return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), self.width)

    def _row(self, architecture: Architecture) -> list[float]:
        graph = architecture.graph
        row = graph_statistics(graph, self.labels)
        if self.features:
            row += _mean_features(graph, self.features)
        if self.costs:
            known = self.space.costs(architecture.choices)
            row += [math.log1p(known.get(name, 0.0)) for name in self.costs]
        return row


def vocabulary(space: Space) -> list[str]:
    """Return the labels that occur in the reference set, sorted."""
    return sorted({label for a in space.reference for label in a.graph.labels})


def graph_statistics(graph: ArchitectureGraph, labels: Sequence[str]) -> list[float]:
    """Compute the statistics of one graph, those of ``labels`` first.

    >>> chain = ArchitectureGraph(["input", "a", "a", "output"], [(0, 1), (1, 2), (2, 3)])
    >>> graph_statistics(chain, ["a"])
    [2.0, 1.0, 1.0, 2.0, 2.0, 3.0, 0.6931471805599453, 2.0, 2.0, 1.0]
    """
    live = graph.live()
    column = {label: i for i, label in enumerate(labels)}
    number = [0.0] * len(labels)
    reading = [0.0] * len(labels)
    feeding = [0.0] * len(labels)
    for node in live:
        i = column.get(graph.labels[node])
        if i is not None:
            number[i] += 1
            reading[i] += any(graph.labels[p] == INPUT for p in graph.predecessors[node])
            feeding[i] += any(graph.labels[s] == OUTPUT for s in graph.successors[node])
    along, paths, shortest, longest = _along_paths(graph, live, column)
    operations = sum(graph.labels[node] not in (INPUT, OUTPUT) for node in live)
    edges = sum(s in live and t in live for s, t in graph.edges)
    alive = float(bool(live))
    of_graph = [float(operations), float(edges), log1p(paths), shortest, longest, alive]
    return [*number, *reading, *feeding, *along, *of_graph]


def _along_paths(
    graph: ArchitectureGraph, live: frozenset[int], column: dict[str, int]
) -> tuple[list[float], int, float, float]:
    """Return the most nodes of each label on one path, and number, least and greatest length."""
    most: dict[int, list[float]] = {}
    paths: dict[int, int] = {}
    shortest: dict[int, float] = {}
    longest: dict[int, float] = {}
    ends = []
    for node in graph.order:
        if node not in live:
            continue
        sources = [p for p in graph.predecessors[node] if p in live]
        label = graph.labels[node]
        step = float(label not in (INPUT, OUTPUT, IDENTITY))
        start = label == INPUT
        paths[node] = start + sum(paths[p] for p in sources)
        shortest[node] = step + (0.0 if start else min(shortest[p] for p in sources))
        longest[node] = step + max((longest[p] for p in sources), default=0.0)
        most[node] = [max(column_) for column_ in zip(*(most[p] for p in sources), strict=True)]
        most[node] = most[node] or [0.0] * len(column)
        if label in column:
            most[node][column[label]] += 1
        if label == OUTPUT:
            ends.append(node)
    if not ends:
        return [0.0] * len(column), 0, 0.0, 0.0
    along = [max(most[end][i] for end in ends) for i in range(len(column))]
    return (
        along,
        sum(paths[end] for end in ends),
        min(shortest[end] for end in ends),
        max(longest[end] for end in ends),
    )


def _mean_features(graph: ArchitectureGraph, width: int) -> list[float]:
    if graph.features is None:
        return [0.0] * width
    return [sum(values) / len(graph) for values in zip(*graph.features, strict=True)]
