"""Weisfeiler-Lehman labels: what surrounds each node within some steps, counted over the graph.

    c_0(v) = label of v,   c_h(v) = [c_{h-1}(v), {c_{h-1}(u): u -> v or v -> u}]

Two nodes share a label of iteration h when their surroundings look alike for h steps. An edge is
walked both ways, and the ways are not distinguished: colouring along one way is blind to where a
node's output goes, or where its input comes from, and distinguishing the ways makes more labels but
no better predictions (on NAS-Bench-201); the ends of a graph have their own labels anyway.

Sources: Shervashidze et al. (2011), "Weisfeiler-Lehman graph kernels", JMLR 12; Ru et al. (2021),
"Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels",
ICLR.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor
from torch_geometric.nn import WLConv

from bonas.arguments import check_count
from bonas.encoders.encoder import Scaling
from bonas.spaces import Architecture, ArchitectureGraph, Space


class WeisfeilerLehman:
    """The counts of each label of one iteration among the live nodes of the graph.

    The columns are the ``max_labels`` labels that most architectures of the reference set have;
    others are left out. A node's first label is its operation with its features.

    Args:
        space: Its reference set gives the vocabulary.
        depth: The iteration: 0 counts operations, 1 operations with their neighbours, and so on.
        max_labels: The greatest number of columns.

    Raises:
        InvalidArgument: if ``depth`` is not a whole number of at least 0.

    >>> from bonas.spaces import CellSpace
    >>> space = CellSpace(nodes=2, operations=("skip_connect", "nor_conv_3x3"))
    >>> encoder = WeisfeilerLehman(space, depth=0)
    >>> encoder.name, encoder.width  # input, output, convolution
    ('wl0', 3)
    """

    scaling: Scaling = "none"  # the kernel over them normalises counts itself

    def __init__(self, space: Space, *, depth: int, max_labels: int = 512) -> None:
        check_count("depth", depth, least=0)
        self.name = f"wl{depth}"
        self._first: dict[object, int] = {}
        self._rounds = [WLConv() for _ in range(depth)]
        owner, colours = self._coloured([a.graph for a in space.reference])
        having = torch.unique(torch.stack([colours, owner]), dim=1)[0].bincount()
        ranked = having.argsort(descending=True, stable=True)[:max_labels]
        self.width = len(ranked)
        # a colour -> its column; one column more, for all that is left out
        self._column = torch.full((len(having),), self.width)
        self._column[ranked] = torch.arange(self.width)
        self._known = [len(table) for table in self._tables()]

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` counts."""
        owner, colours = self._coloured([a.graph for a in architectures])
        counts = torch.zeros(len(architectures), self.width + 1, dtype=torch.float64)
        known = colours < len(self._column)
        at = owner[known], self._column[colours[known]]
        counts.index_put_(at, torch.ones((), dtype=torch.float64), accumulate=True)
        self._forget()
        return counts[:, : self.width]

    def _coloured(self, graphs: Sequence[ArchitectureGraph]) -> tuple[Tensor, Tensor]:
        """Return for each live node of all graphs the number of its graph, and its colour."""
        owner: list[int] = []
        first: list[int] = []
        edges: list[tuple[int, int]] = []
        for number, graph in enumerate(graphs):
            place = {node: i for i, node in enumerate(sorted(graph.live()), start=len(first))}
            for node in place:
                row = () if graph.features is None else graph.features[node]
                label = (graph.labels[node], row)
                first.append(self._first.setdefault(label, len(self._first)))
            owner += [number] * len(place)
            edges += [(place[s], place[t]) for s, t in graph.edges if s in place and t in place]
        colours = torch.tensor(first, dtype=torch.long)
        one_way = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).T
        edge_index = torch.cat([one_way, one_way.flip(0)], dim=1)
        for refine in self._rounds if first else ():
            colours = refine(colours, edge_index)
        return torch.tensor(owner, dtype=torch.long), colours

    def _tables(self) -> list[dict[object, int]]:
        return [self._first, *(refine.hashmap for refine in self._rounds)]

    def _forget(self) -> None:
        """Drop the colours that the reference set lacks, so that they do not accumulate."""
        for table, known in zip(self._tables(), self._known, strict=True):
            if len(table) > known:
                kept = dict(islice(table.items(), known))
                table.clear()
                table.update(kept)
