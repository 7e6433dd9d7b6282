"""The graph of an architecture as PyTorch Geometric takes it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from strategies import LABELS, graphs

from bonas.encoders.pyg import to_data
from bonas.errors import InvalidGraph
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph


def test_to_data_by_hand() -> None:
    graph = ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1), (1, 2)], [[0.0], [16.0], [0.0]])
    data = to_data(graph, [INPUT, OUTPUT, "conv"])
    # Columns: input, output, conv, and the one feature.
    assert data.x is not None
    assert data.x.dtype == torch.float32
    assert data.x.tolist() == [[1, 0, 0, 0], [0, 0, 1, 16], [0, 1, 0, 0]]
    assert data.edge_index is not None
    assert data.edge_index.dtype == torch.long
    assert data.edge_index.tolist() == [[0, 1], [1, 2]]


@given(graphs())
def test_to_data_holds_every_label_feature_and_edge(graph: ArchitectureGraph) -> None:
    vocabulary = [INPUT, *LABELS, OUTPUT]
    data = to_data(graph, vocabulary)
    assert data.x is not None
    assert data.edge_index is not None
    width = len(vocabulary)
    codes = data.x[:, :width].argmax(dim=1).tolist()
    assert [vocabulary[code] for code in codes] == list(graph.labels)
    assert torch.equal(data.x[:, :width].sum(dim=1), torch.ones(len(graph)))
    assert [tuple(row) for row in data.x[:, width:].tolist()] == list(
        graph.features or [()] * len(graph)
    )
    assert list(map(tuple, data.edge_index.T.tolist())) == list(graph.edges)
    assert data.validate()


def test_a_graph_without_edges_has_an_empty_edge_index() -> None:
    data = to_data(ArchitectureGraph([INPUT, OUTPUT], []), [INPUT, OUTPUT])
    assert data.edge_index is not None
    assert data.edge_index.shape == (2, 0)


def test_a_label_outside_the_vocabulary_is_named() -> None:
    graph = ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1), (1, 2)])
    with pytest.raises(InvalidGraph, match=r"labels \['conv'\] are not in the vocabulary"):
        to_data(graph, [INPUT, OUTPUT])
