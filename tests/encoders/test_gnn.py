"""The pre-trained graph network embeddings."""

from __future__ import annotations

import pytest
import torch

from bonas.encoders import (
    Encoder,
    GNNEncoder,
)
from bonas.spaces import (
    CellSpace,
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
