"""Facts about the distance of two architectures."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.evaluation.inheritance.distance import graph_distance
from bonas.spaces import ArchitectureGraph, NASBench201


def chain(*labels: str, sizes: tuple[float, ...] | None = None) -> ArchitectureGraph:
    edges = [(i, i + 1) for i in range(len(labels) + 1)]
    features = None if sizes is None else [(0.0,), *((size,) for size in sizes), (0.0,)]
    return ArchitectureGraph(["input", *labels, "output"], edges, features)


def test_one_operation_of_three_nodes_by_hand() -> None:
    # of 3 labels 2 are equal, no neighbourhood is: 2 (2 + 6 + 6) of 2 (6 + 6 + 6) colours differ
    assert graph_distance(chain("a"), chain("b")) == pytest.approx(2 * 14 / 36)


def test_it_is_zero_for_isomorphic_graphs_symmetric_and_at_most_one() -> None:
    space, rng = NASBench201(channels=4, cells=1), np.random.default_rng(0)
    graphs = [space.architecture(space.sample(rng)).graph for _ in range(12)]
    for one in graphs:
        for other in graphs:
            found = graph_distance(one, other)
            assert found == graph_distance(other, one)
            assert 0 <= found <= 1
            assert (found == 0) == (one.canonical_hash == other.canonical_hash)


def test_a_wider_layer_is_nearer_than_another_operation() -> None:
    own = chain("conv", "relu", sizes=(3.0, 3.0))
    wider = chain("conv", "relu", sizes=(4.0, 4.0))
    other = chain("pool", "relu", sizes=(3.0, 3.0))
    assert 0 < graph_distance(own, wider) < graph_distance(own, other)
