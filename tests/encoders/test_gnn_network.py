"""The ensemble of message-passing networks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bonas.encoders.gnn_network import DirectedConv, EnsembleGNN, GraphBatch
from bonas.spaces import ArchitectureGraph

DIAMOND = ArchitectureGraph(["input", "a", "b", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
CHAIN = ArchitectureGraph(["input", "a", "output"], [(0, 1), (1, 2)])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs(nodes: int) -> Tensor:
    return torch.randn(nodes, 5, generator=generator(1))


def network(members: int = 3) -> EnsembleGNN:
    return EnsembleGNN(5, members, 8, 2, 4, generator())


def test_a_layer_is_the_formula_at_the_head_of_its_module() -> None:
    layer = DirectedConv(2, 4, generator())
    with torch.no_grad():
        layer.shift.copy_(torch.randn(2, 1, 4, generator=generator(2)))
    batch = GraphBatch.of(inputs(4), [DIAMOND])
    x = torch.randn(2, 4, 4, generator=generator(3))
    found = layer(x, batch.along, batch.against)
    for member in range(2):
        A, B, C = layer.own[member], layer.along[member], layer.against[member]
        for v in range(4):
            mixed = x[member, v] @ A
            for u in DIAMOND.predecessors[v]:
                mixed = mixed + x[member, u] @ B
            for u in DIAMOND.successors[v]:
                mixed = mixed + x[member, u] @ C
            normed = (mixed - mixed.mean()) / (mixed.var(correction=0) + 1e-5).sqrt()
            expected = x[member, v] + torch.relu(normed + layer.shift[member, 0])
            torch.testing.assert_close(found[member, v], expected, rtol=1e-4, atol=1e-5)


def test_graphs_of_a_batch_do_not_touch_each_other() -> None:
    model, x = network(), inputs(7)
    together = model(GraphBatch.of(x, [DIAMOND, CHAIN]))
    alone = [model(GraphBatch.of(x[:4], [DIAMOND])), model(GraphBatch.of(x[4:], [CHAIN]))]
    assert together.shape == (3, 2, 4)
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=1e-5, atol=1e-6)


def test_each_member_has_weights_of_its_own() -> None:
    embedded = network()(GraphBatch.of(inputs(4), [DIAMOND]))
    assert len(torch.unique(embedded[:, 0, 0].detach())) == 3


def test_a_graph_without_edges_is_embedded() -> None:
    single = ArchitectureGraph(["input", "output"], [])
    assert bool(network()(GraphBatch.of(inputs(2), [single])).isfinite().all())


def test_a_network_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look in the temporary folder, where PyTorch Geometric writes a file per compiled class."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    network()(GraphBatch.of(inputs(4), [DIAMOND]))
    assert list(tmp_path.iterdir()) == []
