"""The canonical hash against networkx, against published counts, and on very symmetric graphs."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import chain, combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs, isomorphic, near_misses, renumbered, renumberings

from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, canonical

Edges = list[tuple[int, int]]


def agree(a: ArchitectureGraph, b: ArchitectureGraph) -> bool:
    return a.canonical_hash == b.canonical_hash


def shuffled(graph: ArchitectureGraph, seed: int) -> ArchitectureGraph:
    order = np.random.default_rng(seed).permutation(len(graph))
    return renumbered(graph, [int(i) for i in order])


def test_a_hash_is_32_hexadecimal_digits() -> None:
    digest = ArchitectureGraph([INPUT, OUTPUT], [(0, 1)]).canonical_hash
    assert len(digest) == 32
    assert int(digest, 16) >= 0


@given(st.data())
def test_renumbering_the_nodes_changes_no_hash(data: st.DataObject) -> None:
    graph = data.draw(graphs(hidden=10))
    assert agree(graph, data.draw(renumberings(graph)))


@settings(max_examples=300)
@given(st.data())
def test_near_misses_agree_only_when_networkx_finds_them_isomorphic(data: st.DataObject) -> None:
    graph = data.draw(graphs(hidden=6))
    other = data.draw(near_misses(graph))
    assert agree(graph, other) == isomorphic(graph, other)


@settings(max_examples=300)
@given(a=graphs(hidden=2, labels=["conv"]), b=graphs(hidden=2, labels=["conv"]))
def test_small_graphs_agree_exactly_when_isomorphic(
    a: ArchitectureGraph, b: ArchitectureGraph
) -> None:
    assert agree(a, b) == isomorphic(a, b)


@pytest.mark.parametrize(("nodes", "classes"), [(1, 1), (2, 2), (3, 6), (4, 31), (5, 302)])
def test_the_number_of_unlabelled_graphs_is_the_published_one(nodes: int, classes: int) -> None:
    # Robinson (1970), "Enumeration of acyclic digraphs"; sequence A003087 of the OEIS. Every
    # acyclic graph has a numbering in which all edges go up: subsets of those meet every class.
    pairs = list(combinations(range(nodes), 2))
    subsets = chain.from_iterable(combinations(pairs, size) for size in range(len(pairs) + 1))
    hashes = {ArchitectureGraph(["x"] * nodes, edges).canonical_hash for edges in subsets}
    assert len(hashes) == classes


def test_equal_labels_with_other_features_are_other_networks() -> None:
    def chain_of(width: float) -> ArchitectureGraph:
        return ArchitectureGraph(["a", "b"], [(0, 1)], [[width], [1.0]])

    assert agree(chain_of(8.0), chain_of(8.0))
    assert not agree(chain_of(8.0), chain_of(16.0))
    assert not agree(chain_of(1.0), ArchitectureGraph(["a", "b"], [(0, 1)]))


def test_the_two_zeros_are_one_feature() -> None:
    def lone(value: float) -> ArchitectureGraph:
        return ArchitectureGraph(["a"], [], [[value]])

    assert agree(lone(0.0), lone(-0.0))


def test_the_direction_of_edges_matters() -> None:
    fork = ArchitectureGraph(["x"] * 3, [(0, 1), (0, 2)])
    join = ArchitectureGraph(["x"] * 3, [(0, 2), (1, 2)])
    assert not agree(fork, join)


def branches(count: int, length: int) -> ArchitectureGraph:
    """Return ``count`` equal chains of ``length`` nodes between one input and one output."""
    last = count * length + 1
    edges: Edges = []
    for branch in range(count):
        nodes = [0, *range(1 + branch * length, 1 + (branch + 1) * length), last]
        edges += pairwise(nodes)
    return ArchitectureGraph([INPUT, *["conv"] * (count * length), OUTPUT], edges)


def layers(width: int, depth: int) -> ArchitectureGraph:
    """Return ``depth`` layers of ``width`` nodes, each layer joined completely to the next."""
    edges = [
        (layer * width + s, (layer + 1) * width + t)
        for layer in range(depth - 1)
        for s, t in product(range(width), repeat=2)
    ]
    return ArchitectureGraph(["conv"] * (width * depth), edges)


def side_by_side(parts: Iterable[ArchitectureGraph]) -> ArchitectureGraph:
    """Return the disjoint union."""
    labels: list[str] = []
    edges: Edges = []
    for part in parts:
        edges += [(s + len(labels), t + len(labels)) for s, t in part.edges]
        labels += part.labels
    return ArchitectureGraph(labels, edges)


def crown(size: int) -> ArchitectureGraph:
    """Return a ring of ``size`` sources and sinks in turn; every node has two neighbours."""
    edges = [(i, size + (i + step) % size) for i in range(size) for step in (0, 1)]
    return ArchitectureGraph(["x"] * (2 * size), edges)


def in_series(parts: Iterable[ArchitectureGraph]) -> ArchitectureGraph:
    """Return the disjoint union, with all sinks of one part joined to all sources of the next."""
    parts = list(parts)
    whole, start = side_by_side(parts), 0
    edges = list(whole.edges)
    for one, other in pairwise(parts):
        ends = [start + i for i in range(len(one)) if not one.successors[i]]
        start += len(one)
        begins = [start + i for i in range(len(other)) if not other.predecessors[i]]
        edges += product(ends, begins)
    return ArchitectureGraph(whole.labels, edges)


SYMMETRIC = {
    "10 branches of 2": branches(10, 2),
    "12 twins": branches(12, 1),
    "64 branches of 5": branches(64, 5),
    "40 branches of branches": in_series([branches(1, 1), side_by_side([branches(3, 2)] * 40)]),
    "3 layers of 6": layers(6, 3),
    "6 equal diamonds": side_by_side([branches(2, 1)] * 6),
    "8 lone nodes": ArchitectureGraph(["x"] * 8, []),
    "ring of 16": crown(8),
    "3 rings of 6": side_by_side([crown(3)] * 3),
    "rings of 4, 6, 8": side_by_side([crown(2), crown(3), crown(4)]),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_very_symmetric_graph_is_recognised_in_any_numbering(name: str) -> None:
    graph = SYMMETRIC[name]
    assert all(agree(graph, shuffled(graph, seed)) for seed in range(3))


@pytest.mark.parametrize("name", SYMMETRIC)
def test_one_other_label_in_a_very_symmetric_graph_changes_the_hash(name: str) -> None:
    graph = SYMMETRIC[name]
    for node in (1, len(graph) - 2):
        labels = list(graph.labels)
        labels[node] = "pool"
        changed = ArchitectureGraph(labels, graph.edges)
        assert not agree(graph, changed)
        assert agree(changed, shuffled(changed, node))


@pytest.mark.parametrize("name", [name for name in SYMMETRIC if SYMMETRIC[name].edges])
def test_one_missing_edge_in_a_very_symmetric_graph_changes_the_hash(name: str) -> None:
    graph = SYMMETRIC[name]
    for gone in (0, len(graph.edges) - 1):
        changed = ArchitectureGraph(graph.labels, graph.edges[:gone] + graph.edges[gone + 1 :])
        assert not agree(graph, changed)
        assert agree(changed, shuffled(changed, gone))


def test_512_equal_branches_ask_for_few_refinements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that equal branches are numbered one by one, not by a search over their orders."""
    digests = 0

    def counted(data: bytes) -> bytes:
        nonlocal digests
        digests += 1
        return blake2b(data, digest_size=16).digest()

    monkeypatch.setattr(canonical, "_digest", counted)
    graph = branches(512, 5)
    assert agree(graph, shuffled(graph, 1))
    assert digests < 2 * 10 * len(graph)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([crown(6)], [crown(3), crown(3)]),
        ([crown(2), crown(6)], [crown(4), crown(4)]),
        ([crown(5)], [crown(2), crown(3)]),
        ([branches(4, 3)], [branches(3, 4)]),
    ],
)
def test_graphs_that_look_alike_from_every_node_have_different_hashes(
    a: list[ArchitectureGraph], b: list[ArchitectureGraph]
) -> None:
    # In rings every node sees the same colours at every distance: refinement alone is blind here.
    one, other = side_by_side(a), side_by_side(b)
    assert not agree(one, other)
    assert not isomorphic(one, other)
