"""Cells: their edges, and their graphs by hand."""

from __future__ import annotations

from bonas.spaces import (
    INPUT,
    OUTPUT,
    ArchitectureGraph,
    CellSpace,
    Choices,
)


def cell(space: CellSpace, operations: str) -> Choices:
    """Return choices from operations in the order of the edges, separated by spaces."""
    return dict(zip(space.edges, operations.split(), strict=True))


def test_edges_are_ordered_by_target_then_source() -> None:
    assert CellSpace(nodes=4).edges == {
        "edge_0_1": (0, 1),
        "edge_0_2": (0, 2),
        "edge_1_2": (1, 2),
        "edge_0_3": (0, 3),
        "edge_1_3": (1, 3),
        "edge_2_3": (2, 3),
    }


def test_the_graph_of_a_three_node_cell_by_hand() -> None:
    # 0 -conv1x1-> 1 -conv3x3-> 2 and 0 -skip-> 2. The edges become nodes: conv1x1 takes the input
    # and gives to conv3x3, which gives to the output; the skip becomes an edge from end to end.
    space = CellSpace(nodes=3)
    graph = space.graph(cell(space, "nor_conv_1x1 skip_connect nor_conv_3x3"))
    expected = ArchitectureGraph(
        [INPUT, "nor_conv_1x1", "nor_conv_3x3", OUTPUT], [(0, 1), (1, 2), (2, 3), (0, 3)]
    )
    assert graph.canonical_hash == expected.canonical_hash


def test_what_hangs_on_a_missing_edge_is_not_in_the_graph() -> None:
    # 0 -conv3x3-> 1, but nothing leaves 1: the network is the pooling from 0 to 2.
    space = CellSpace(nodes=3)
    graph = space.graph(cell(space, "nor_conv_3x3 avg_pool_3x3 none"))
    expected = ArchitectureGraph([INPUT, "avg_pool_3x3", OUTPUT], [(0, 1), (1, 2)])
    assert graph.canonical_hash == expected.canonical_hash
