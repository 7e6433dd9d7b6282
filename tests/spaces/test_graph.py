"""Architecture graphs: what is refused, pruning, contraction."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import as_networkx, graphs, isomorphic, renumberings

from bonas.errors import InvalidGraph
from bonas.spaces import IDENTITY, INPUT, OUTPUT, ArchitectureGraph


def test_a_graph_sorts_its_edges_and_knows_its_neighbours() -> None:
    # input -> conv -> output, and a residual edge around conv.
    graph = ArchitectureGraph([INPUT, "conv", OUTPUT], [(1, 2), (0, 2), (0, 1)])
    assert len(graph) == 3
    assert graph.edges == ((0, 1), (0, 2), (1, 2))
    assert graph.predecessors == ((), (0,), (0, 1))
    assert graph.successors == ((1, 2), (2,), ())
    assert graph.order == (0, 1, 2)


def test_equality_is_of_numbered_graphs_and_the_hash_is_of_networks() -> None:
    graph = ArchitectureGraph([INPUT, OUTPUT], [(0, 1)])
    turned = ArchitectureGraph([OUTPUT, INPUT], [(1, 0)])
    assert graph == ArchitectureGraph([INPUT, OUTPUT], [(0, 1)])
    assert hash(graph) == hash(ArchitectureGraph([INPUT, OUTPUT], [(0, 1)]))
    assert graph != turned
    assert graph.canonical_hash == turned.canonical_hash


def test_a_graph_is_frozen() -> None:
    graph = ArchitectureGraph([INPUT, OUTPUT], [(0, 1)])
    with pytest.raises(AttributeError, match="labels"):
        graph.labels = ("other",)  # type: ignore[misc]  # this is what is forbidden


@given(graphs(hidden=8, ends_anywhere=True))
def test_the_order_is_topological(graph: ArchitectureGraph) -> None:
    place = {node: i for i, node in enumerate(graph.order)}
    assert sorted(graph.order) == list(range(len(graph)))
    assert all(place[source] < place[target] for source, target in graph.edges)


BAD_GRAPHS: dict[str, tuple[Any, Any, Any, str]] = {
    "no node": ([], [], None, r"non-empty sequence of labels, got \[\]"),
    "labels in one string": ("ab", [], None, "non-empty sequence of labels, got 'ab'"),
    "empty label": (["a", ""], [], None, "label of node 1 must be a non-empty string, got ''"),
    "number as label": (["a", 3], [], None, "label of node 1 must be a non-empty string, got 3"),
    "edge out of range": (["a", "b"], [(0, 2)], None, r"edge \(0, 2\) leaves .* are 0 to 1"),
    "negative edge": (["a", "b"], [(-1, 1)], None, r"edge \(-1, 1\) leaves the graph"),
    "double edge": (["a", "b"], [(0, 1), (0, 1)], None, r"edge \(0, 1\) is given twice"),
    "half an index": (["a", "b"], [(0.5, 1)], None, r"pairs of whole numbers, got \[\(0.5, 1\)\]"),
    "flat edges": (["a", "b"], [0, 1], None, r"pairs of whole numbers, got \[0, 1\]"),
    "self-loop": (["a", "b"], [(1, 1)], None, r"cycle through some of the nodes \[1\]"),
    "cycle": (["a"] * 4, [(0, 1), (1, 2), (2, 1), (2, 3)], None, r"cycle .* \[1, 2, 3\]; remove"),
    "too few rows": (["a", "b"], [], [[1.0]], r"expected 2 feature rows .* got 1 rows"),
    "ragged rows": (["a", "b"], [], [[1.0], [1.0, 2.0]], r"of one length, .* lengths \[1, 2\]"),
    "flat features": (["a", "b"], [], [1.0, 2.0], r"rows of numbers, got \[1.0, 2.0\]"),
    "word as feature": (["a"], [], [["wide"]], r"rows of numbers, got \[\['wide'\]\]"),
    "nan": (["a"], [], [[math.nan]], "features of node 0 must be finite"),
    "infinity": (["a", "b"], [], [[0.0], [math.inf]], "features of node 1 must be finite"),
}


@pytest.mark.parametrize("case", BAD_GRAPHS)
def test_a_broken_graph_is_refused(case: str) -> None:
    labels, edges, features, message = BAD_GRAPHS[case]
    with pytest.raises(InvalidGraph, match=message):
        ArchitectureGraph(labels, edges, features)


@pytest.mark.parametrize("missing", [INPUT, OUTPUT])
def test_a_graph_without_both_ends_has_no_live_nodes(missing: str) -> None:
    labels = [label for label in (INPUT, "conv", OUTPUT) if label != missing]
    with pytest.raises(InvalidGraph, match=f"expected a node labelled '{missing}', got labels"):
        ArchitectureGraph(labels, [(0, 1)]).pruned()


def test_pruning_by_hand() -> None:
    # 0 input -> 1 conv -> 4 output lives; 2 pool leads nowhere and 3 conv comes from nowhere.
    graph = ArchitectureGraph(
        [INPUT, "conv", "pool", "conv", OUTPUT], [(0, 1), (1, 4), (0, 2), (1, 2), (3, 4)]
    )
    assert graph.live() == {0, 1, 4}
    assert graph.pruned() == ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1), (1, 2)])


def test_the_ends_stay_when_no_path_joins_them() -> None:
    graph = ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1)])
    assert graph.live() == frozenset()
    assert graph.pruned() == ArchitectureGraph([INPUT, OUTPUT], [])


@settings(max_examples=200)
@given(graphs(hidden=8, ends_anywhere=True))
def test_pruning_keeps_exactly_what_lies_between_the_ends(graph: ArchitectureGraph) -> None:
    named, digraph = numbered_nodes(graph), as_networkx(graph)
    inputs = [i for i, label in enumerate(graph.labels) if label == INPUT]
    outputs = [i for i, label in enumerate(graph.labels) if label == OUTPUT]
    reached = set(inputs).union(*(nx.descendants(digraph, i) for i in inputs))
    needed = set(outputs).union(*(nx.ancestors(digraph, i) for i in outputs))
    live = reached & needed
    assert graph.live() == live

    pruned = named.pruned()
    names = [int(row[0]) for row in pruned.features or ()]
    assert set(names) == live | set(inputs) | set(outputs)
    assert {(names[s], names[t]) for s, t in pruned.edges} == {
        (s, t) for s, t in graph.edges if s in live and t in live
    }
    assert pruned.pruned() == pruned


def test_contraction_by_hand() -> None:
    # input -> identity -> conv -> output becomes input -> conv -> output.
    graph = ArchitectureGraph([INPUT, IDENTITY, "conv", OUTPUT], [(0, 1), (1, 2), (2, 3)])
    assert graph.contracted() == ArchitectureGraph([INPUT, "conv", OUTPUT], [(0, 1), (1, 2)])


def test_an_identity_parallel_to_an_edge_stays() -> None:
    # x + identity(x) is 2x; without the identity it would be x.
    graph = ArchitectureGraph([INPUT, IDENTITY, OUTPUT], [(0, 1), (1, 2), (0, 2)])
    assert graph.contracted() == graph


def test_of_two_equal_identities_one_becomes_an_edge() -> None:
    twice = ArchitectureGraph([INPUT, IDENTITY, IDENTITY, OUTPUT], [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert isomorphic(
        twice.contracted(), ArchitectureGraph([INPUT, IDENTITY, OUTPUT], [(0, 1), (1, 2), (0, 2)])
    )


def test_which_identity_stays_does_not_depend_on_the_numbering() -> None:
    # Both identities pass the input to the output, the second one to conv as well: whichever is
    # bypassed first blocks the other.
    edges = [(0, 1), (0, 2), (1, 4), (2, 4), (2, 3), (3, 4)]
    graph = ArchitectureGraph([INPUT, IDENTITY, IDENTITY, "conv", OUTPUT], edges)
    swapped = [({1: 2, 2: 1}.get(s, s), {1: 2, 2: 1}.get(t, t)) for s, t in edges]
    other = ArchitectureGraph(graph.labels, swapped)
    expected = ArchitectureGraph(
        [INPUT, IDENTITY, "conv", OUTPUT], [(0, 1), (1, 3), (0, 2), (2, 3), (0, 3)]
    )
    assert isomorphic(graph.contracted(), expected)
    assert isomorphic(other.contracted(), expected)


@settings(max_examples=200)
@given(graphs(hidden=8, labels=["conv", IDENTITY, IDENTITY]))
def test_contraction_changes_no_value(graph: ArchitectureGraph) -> None:
    named = numbered_nodes(graph)
    before, after = values(named), values(named.contracted())
    assert after.keys() <= before.keys()
    assert all(graph.labels[i] == IDENTITY for i in before.keys() - after.keys())
    assert all(math.isclose(value, before[name], rel_tol=1e-9) for name, value in after.items())


@given(st.data())
def test_contraction_and_pruning_do_not_depend_on_the_numbering(data: st.DataObject) -> None:
    graph = data.draw(graphs(hidden=8, labels=["conv", IDENTITY, IDENTITY], features=False))
    other = data.draw(renumberings(graph))
    assert isomorphic(graph.contracted(), other.contracted())
    assert isomorphic(graph.pruned(), other.pruned())


@given(graphs(hidden=8, labels=["conv", IDENTITY, IDENTITY]))
def test_an_identity_that_stays_would_double_an_edge(graph: ArchitectureGraph) -> None:
    contracted = graph.contracted()
    assert isomorphic(contracted.contracted(), contracted)
    for node, label in enumerate(contracted.labels):
        sources, targets = contracted.predecessors[node], contracted.successors[node]
        if label == IDENTITY and sources and targets:
            assert any((s, t) in contracted.edges for s in sources for t in targets)


def numbered_nodes(graph: ArchitectureGraph) -> ArchitectureGraph:
    """Return the graph with every node's number as its only feature, to identify it."""
    return ArchitectureGraph(graph.labels, graph.edges, [[float(i)] for i in range(len(graph))])


def values(graph: ArchitectureGraph) -> dict[int, float]:
    """Evaluate each named node; all but identities and the ends apply a function of their own.

    The argument of a node is the sum of its sources; the input is 1.
    """
    names = [int(row[0]) for row in graph.features or ()]
    given: dict[int, float] = {}
    for node in graph.order:
        total = math.fsum(given[names[p]] for p in graph.predecessors[node])
        if graph.labels[node] == INPUT:
            total = 1.0
        elif graph.labels[node] not in (IDENTITY, OUTPUT):
            total = math.sin(total + names[node]) + 1.5
        given[names[node]] = total
    return given
