"""The pre-trained graph network embeddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.encoders import (
    Encoder,
    GNNEncoder,
    ScoredNetworks,
)
from bonas.errors import InvalidArgument
from bonas.spaces import (
    Architecture,
    ArchitectureGraph,
    CellSpace,
    Choices,
    NASBench201,
    Space,
)
from bonas.testing import EncoderContract


class TestGNNEncoder(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return GNNEncoder(space, members=2, steps=20)


@pytest.fixture(scope="module")
def space() -> CellSpace:
    return CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


def test_the_gnn_learns_its_pretext_task(space: CellSpace) -> None:
    untrained = GNNEncoder(space, members=2, steps=1)
    trained = GNNEncoder(space, members=2, steps=150)
    assert untrained.fit < 0.3
    assert trained.fit > 0.7


def test_isomorphic_graphs_have_one_embedding() -> None:
    space = NASBench201()
    # nodes 1 and 2 of the cell change places
    one = dict.fromkeys(space.parameters, "none") | {
        "edge_0_1": "nor_conv_3x3",
        "edge_1_3": "avg_pool_3x3",
    }
    two = dict.fromkeys(space.parameters, "none") | {
        "edge_0_2": "nor_conv_3x3",
        "edge_2_3": "avg_pool_3x3",
    }
    small = CellSpace(nodes=3)
    encoder = GNNEncoder(small, members=2, steps=5)
    X = encoder.encode([space.architecture(one), space.architecture(two)])
    torch.testing.assert_close(X[0], X[1], rtol=1e-5, atol=1e-6)


def test_the_global_random_state_is_left_alone(space: CellSpace) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    GNNEncoder(space, members=1, steps=2)
    assert torch.equal(torch.rand(3), expected)


def test_labels_outside_the_reference_set_share_one_input(space: CellSpace) -> None:
    encoder = GNNEncoder(space, members=1, steps=2)
    graphs = [
        ArchitectureGraph(["input", label, "output"], [(0, 1), (1, 2)])
        for label in ("unheard of", "another", "nor_conv_3x3")
    ]
    X = encoder.encode([Architecture({"which": i}, graph) for i, graph in enumerate(graphs)])
    assert torch.equal(X[0], X[1])
    assert not torch.equal(X[0], X[2])


def test_nodes_need_as_many_features_as_those_of_the_reference_set(space: CellSpace) -> None:
    encoder = GNNEncoder(space, members=1, steps=2)
    graph = ArchitectureGraph(["input", "output"], [(0, 1)], [[1.0], [2.0]])
    with pytest.raises(InvalidArgument, match=r"expected 0 features per node .* got 1"):
        encoder.encode([Architecture({}, graph)])


def test_features_of_any_size_are_embedded_alike() -> None:
    """Scale the features of all nodes: standardised, they are the same."""

    class Widths(Space):
        def __init__(self, unit: float) -> None:
            self.parameters = {"width": (1, 2, 3, 4)}
            self.unit = unit

        def graph(self, choices: Choices) -> ArchitectureGraph:
            width = self.unit * float(choices["width"])  # type: ignore[arg-type]  # a number
            return ArchitectureGraph(["input", "output"], [(0, 1)], [[0.0], [width]])

    one, other = (
        GNNEncoder(space, members=1, steps=3).encode(list(space.reference))
        for space in (Widths(1.0), Widths(1e6))
    )
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_another_seed_trains_other_networks(space: CellSpace) -> None:
    some = list(space.reference[:3])
    one, two = (GNNEncoder(space, members=1, steps=2, seed=seed).encode(some) for seed in (0, 1))
    assert not torch.equal(one, two)


def test_an_embedding_that_was_trained_on_scores_tells_them_better(space: CellSpace) -> None:
    # the places of convolutions count with alternating signs: no other target tells that
    def score(architecture: Architecture) -> float:
        late = [c == "nor_conv_3x3" for c in architecture.choices.values()]
        return sum((-1) ** i * (i + 1) * taken for i, taken in enumerate(late))

    scored = list(space.reference[:80])
    values = np.array([[float(score(a))] for a in scored])
    known = ScoredNetworks(scored, ("late",), values)
    goal = torch.from_numpy(values[:, 0])
    left = []
    for scores in (None, known):
        X = GNNEncoder(space, members=2, embedding=6, steps=150, scores=scores).encode(scored)
        X = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1)
        fitted = X @ torch.linalg.lstsq(X, goal.unsqueeze(1), driver="gelsd").solution
        left.append(float((goal - fitted.squeeze(1)).var() / goal.var()))
    assert left[1] < 0.7 * left[0]
