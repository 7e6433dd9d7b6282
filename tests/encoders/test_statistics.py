"""Graph statistics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, renumberings

from bonas.encoders import (
    Encoder,
    GraphStatistics,
)
from bonas.encoders.paths import path_counts
from bonas.encoders.statistics import graph_statistics, vocabulary
from bonas.spaces import (
    IDENTITY,
    INPUT,
    OUTPUT,
    Architecture,
    ArchitectureGraph,
    CellSpace,
    Choices,
    Space,
)
from bonas.testing import EncoderContract


class TestGraphStatistics(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return GraphStatistics(space)


@pytest.fixture(scope="module")
def space() -> CellSpace:
    return CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


@given(st.data())
def test_numbering_changes_no_path_count_and_no_statistic(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    other = data.draw(renumberings(graph))
    assert path_counts(graph, 6) == path_counts(other, 6)
    labels = ["conv", "pool", IDENTITY]
    assert graph_statistics(graph, labels) == graph_statistics(other, labels)


def test_statistics_of_a_cell_by_hand() -> None:
    # input -> conv -> conv -> output, input -> pool -> output, and a conv that leads nowhere:
    # 2 live convs, 1 reads the input, 1 feeds the output, 2 on one path; 1 pool, likewise 1, 1, 1;
    # 3 operations, 5 live edges, 2 paths, the shortest of 1 and the longest of 2 operations
    graph = ArchitectureGraph(
        [INPUT, "conv", "conv", "pool", "conv", OUTPUT],
        [(0, 1), (1, 2), (2, 5), (0, 3), (3, 5), (0, 4)],
    )
    number, reading, feeding, along = [2, 1], [1, 1], [1, 1], [2, 1]
    of_graph = [3, 5, math.log(3), 1, 2, 1]
    expected = [*number, *reading, *feeding, *along, *of_graph]
    assert graph_statistics(graph, ["conv", "pool"]) == pytest.approx(expected)


def test_a_network_without_a_path_has_no_statistics() -> None:
    graph = ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1)])
    assert graph_statistics(graph, ["conv"]) == [0.0] * 10


def test_costs_are_among_the_statistics(space: CellSpace) -> None:
    architecture = space.reference[3]
    row = GraphStatistics(space).encode([architecture])[0]
    costs = space.costs(architecture.choices)
    expected = [math.log1p(costs[name]) for name in ("multiply_adds", "parameters")]
    assert row[-2:].tolist() == pytest.approx(expected)


class Wide(Space):
    """Chains of one layer with a feature per node: its width."""

    def __init__(self) -> None:
        self.parameters = {"op": ("a", "b"), "width": (4, 8)}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = [INPUT, str(choices["op"]), OUTPUT]
        width = float(choices["width"])  # type: ignore[arg-type]  # a number
        return ArchitectureGraph(labels, [(0, 1), (1, 2)], [[0.0], [width], [2.0]])


def test_the_mean_of_each_node_feature_follows_the_statistics() -> None:
    space = Wide()
    encoder = GraphStatistics(space)
    assert (encoder.features, encoder.width) == (1, 4 * 2 + 6 + 1)
    row = encoder.encode([space.architecture({"op": "b", "width": 8})])[0]
    assert float(row[-1]) == pytest.approx((0.0 + 8.0 + 2.0) / 3)


def test_labels_outside_the_reference_set_count_as_operations_only() -> None:
    encoder = GraphStatistics(Wide())
    graph = ArchitectureGraph([INPUT, "c", OUTPUT], [(0, 1), (1, 2)], [[0.0]] * 3)
    row = encoder.encode([Architecture({"op": "c"}, graph)])[0]
    assert row[:8].tolist() == [0.0] * 8
    assert row[8:14].tolist() == pytest.approx([1, 2, math.log(2), 1, 1, 1])


def test_the_vocabulary_is_that_of_the_reference_set_in_order() -> None:
    assert vocabulary(Wide()) == ["a", "b", "input", "output"]
