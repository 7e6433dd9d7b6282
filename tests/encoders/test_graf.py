"""Neural graph features: paths within sets of operations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from strategies import as_networkx, graphs

from bonas.encoders import Encoder, NeuralGraphFeatures
from bonas.encoders.graf import label_sets
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, NASBench201, Space
from bonas.testing import EncoderContract


class TestNeuralGraphFeatures(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return NeuralGraphFeatures(space)


class OneGraph(Space):
    """A space whose graphs are given: one parameter, the number of the graph."""

    identity = "choices"

    def __init__(self, graphs: Sequence[ArchitectureGraph]) -> None:
        self.graphs = list(graphs)
        self.parameters = {"number": list(range(len(self.graphs)))}

    def graph(self, choices: object) -> ArchitectureGraph:
        return self.graphs[choices["number"]]  # type: ignore[index]  # a mapping


def encoded(graph: ArchitectureGraph, also: ArchitectureGraph) -> dict[frozenset[str], list[float]]:
    """Return the three numbers of each set of labels of two graphs, for the first."""
    space = OneGraph([graph, also])
    encoder = NeuralGraphFeatures(space)
    row = encoder.encode([space.architecture({"number": 0})])[0].reshape(-1, 3)
    return dict(zip(encoder.sets, row.tolist(), strict=True))


CHAIN = ArchitectureGraph([INPUT, "a", "b", OUTPUT], [(0, 1), (1, 2), (2, 3)])


def test_a_cell_by_hand() -> None:
    # input -> a -> output, input -> b -> output, input -> a -> b -> output: within {a} one path of
    # two edges, within {b} one, within {a, b} all three, of two and three edges.
    graph = ArchitectureGraph([INPUT, "a", "b", OUTPUT], [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)])
    found = encoded(graph, CHAIN)
    one = [1 / 2, math.log(3), math.log(2)]
    assert found[frozenset("a")] == pytest.approx(one)
    assert found[frozenset("b")] == pytest.approx(one)
    assert found[frozenset("ab")] == pytest.approx([1 / 2, math.log(4), math.log(4)])


def test_a_set_without_a_path_is_all_zeros_and_an_edge_past_all_is_in_every_set() -> None:
    found = encoded(CHAIN, CHAIN)
    assert found[frozenset("a")] == found[frozenset("b")] == [0.0, 0.0, 0.0]
    past = ArchitectureGraph(CHAIN.labels, [*CHAIN.edges, (0, 3)])
    assert encoded(past, CHAIN)[frozenset("a")] == pytest.approx([1.0, math.log(2), math.log(2)])


@given(graphs(), graphs())
def test_the_numbers_are_those_of_listing_every_path(
    graph: ArchitectureGraph, also: ArchitectureGraph
) -> None:
    reduced = OneGraph([graph, also]).architecture({"number": 0}).graph  # identities contracted
    digraph = as_networkx(reduced)
    ends = [
        [i for i, label in enumerate(reduced.labels) if label == end] for end in (INPUT, OUTPUT)
    ]
    paths = [
        path
        for source in ends[0]
        for target in ends[1]
        for path in nx.all_simple_paths(digraph, source, target)
    ]
    for labels, numbers in encoded(graph, also).items():
        inside = [
            len(path) - 1
            for path in paths
            if all(reduced.labels[i] in {*labels, INPUT, OUTPUT} for i in path)
        ]
        expected = [0.0, 0.0, 0.0]
        if inside:
            expected = [1 / min(inside), math.log(1 + max(inside)), math.log(1 + len(inside))]
        assert numbers == pytest.approx(expected)


def test_isomorphic_cells_have_the_same_features() -> None:
    space = NASBench201(identity="choices")
    none = dict.fromkeys(space.parameters, "none")
    one = {**none, "edge_0_1": "nor_conv_3x3", "edge_1_3": "nor_conv_1x1"}
    other = {**none, "edge_0_2": "nor_conv_3x3", "edge_2_3": "nor_conv_1x1"}
    rows = NeuralGraphFeatures(space).encode([space.architecture(each) for each in (one, other)])
    assert rows.any()
    assert torch.equal(rows[0], rows[1])


def test_a_deep_network_of_many_paths_has_finite_numbers() -> None:
    """Follow 1,100 blocks, each of which doubles the number of paths: 2 ** 1100 has no float."""
    labels, edges = [INPUT], []
    for block in range(1_100):
        labels += ["a", "add"]
        start = 2 * block
        edges += [(start, start + 1), (start, start + 2), (start + 1, start + 2)]
    labels.append(OUTPUT)
    edges.append((len(labels) - 2, len(labels) - 1))
    deep = ArchitectureGraph(labels, edges)
    shortest, longest, number = encoded(deep, deep)[frozenset({"a", "add"})]
    assert shortest == pytest.approx(1 / 1_101)
    assert longest == pytest.approx(math.log(2_202))
    assert number == pytest.approx(1_100 * math.log(2))


@pytest.mark.parametrize(("labels", "most"), [(1, 63), (6, 63), (7, 63), (40, 63), (100, 63)])
def test_sets_are_different_and_the_first_are_all_there_are(labels: int, most: int) -> None:
    names = [f"label {i}" for i in range(labels)]
    sets = list(label_sets(names, most))
    assert len(set(sets)) == len(sets)
    if labels <= 6:
        assert len(sets) == 2**labels - 1
    else:
        assert sets[0] == set(names)
        assert all({name} in sets[:most] for name in names[:20])


def test_a_label_that_the_reference_set_lacks_is_in_no_set() -> None:
    encoder = NeuralGraphFeatures(OneGraph([CHAIN, CHAIN]))
    other = OneGraph([ArchitectureGraph([INPUT, "c", OUTPUT], [(0, 1), (1, 2)])] * 2)
    assert not encoder.encode([other.architecture({"number": 0})]).any()


def test_the_number_of_sets_is_bounded() -> None:
    space = NASBench201(nodes=3)
    assert NeuralGraphFeatures(space, max_sets=5).width == 15
    rows = NeuralGraphFeatures(space, max_sets=5).encode(space.reference[:4])
    assert rows.shape == (4, 15)
    assert np.isfinite(rows.numpy()).all()
