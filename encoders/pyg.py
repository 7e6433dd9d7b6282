"""An architecture's graph as a ``Data`` of PyTorch Geometric, for encoders and models of your own.

Not part of ``bonas.encoders`` itself: no encoder that comes with bonas needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Data

from bonas.errors import InvalidGraph
from bonas.spaces import ArchitectureGraph


def to_data(graph: ArchitectureGraph, vocabulary: Sequence[str]) -> Data:
    """Convert a graph of ``v`` nodes and ``e`` edges.

    Returns:
        ``x``, ``v x (len(vocabulary) + features)`` in float32, one-hot labels first; and
        ``edge_index``, ``2 x e``.

    Raises:
        InvalidGraph: if a label is not in ``vocabulary``.

    >>> graph = ArchitectureGraph(["input", "conv", "output"], [(0, 1), (1, 2)])
    >>> to_data(graph, ["input", "conv", "output"])
    Data(x=[3, 3], edge_index=[2, 2])
    """
    code = {label: i for i, label in enumerate(vocabulary)}
    missing = sorted(set(graph.labels) - set(code))
    if missing:
        raise InvalidGraph(
            f"labels {missing} are not in the vocabulary {list(vocabulary)}; add them to it"
        )
    codes = torch.tensor([code[label] for label in graph.labels])
    x = torch.nn.functional.one_hot(codes, len(code)).to(torch.float32)
    if graph.features is not None:
        x = torch.cat([x, torch.tensor(graph.features, dtype=torch.float32)], dim=1)
    edge_index = torch.tensor(graph.edges, dtype=torch.long).reshape(-1, 2).T.contiguous()
    return Data(x=x, edge_index=edge_index)
