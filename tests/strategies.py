"""Hypothesis strategies: architecture graphs, renumbered or nearly the same; measured values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import networkx as nx
from hypothesis import strategies as st

from bonas.spaces import IDENTITY, INPUT, OUTPUT, ArchitectureGraph

LABELS = ("conv", "pool", IDENTITY)


def renumbered(graph: ArchitectureGraph, new: Sequence[int]) -> ArchitectureGraph:
    """The same graph; node ``i`` becomes node ``new[i]``."""
    old = sorted(range(len(graph)), key=new.__getitem__)
    return ArchitectureGraph(
        [graph.labels[i] for i in old],
        [(new[s], new[t]) for s, t in graph.edges],
        None if graph.features is None else [graph.features[i] for i in old],
    )


def as_networkx(graph: ArchitectureGraph) -> nx.DiGraph:
    """The graph for networkx; a node's ``name`` is its label and its features."""
    rows = graph.features or [()] * len(graph)
    digraph = nx.DiGraph()
    for node, (label, row) in enumerate(zip(graph.labels, rows, strict=True)):
        digraph.add_node(node, name=(label, row))
    digraph.add_edges_from(graph.edges)
    return digraph


def isomorphic(a: ArchitectureGraph, b: ArchitectureGraph) -> bool:
    """What networkx thinks of two graphs."""
    return bool(
        nx.is_isomorphic(
            as_networkx(a), as_networkx(b), node_match=lambda x, y: x["name"] == y["name"]
        )
    )


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    hidden: int = 6,
    labels: Sequence[str] = LABELS,
    features: bool = True,
    ends_anywhere: bool = False,
) -> ArchitectureGraph:
    """A graph with an input, an output and at most ``hidden`` further nodes, in any numbering.

    Edges may be missing, so that nodes are dead; with ``ends_anywhere`` there may be more inputs
    and outputs, and they may have sources and targets like every other node.
    """
    names = draw(st.lists(st.sampled_from(labels), max_size=hidden))
    if ends_anywhere:
        names += draw(st.lists(st.sampled_from([INPUT, OUTPUT]), max_size=2))
        names = draw(st.permutations([INPUT, *names, OUTPUT]))
    else:
        names = [INPUT, *names, OUTPUT]
    edges = draw(st.lists(st.sampled_from(list(combinations(range(len(names)), 2))), unique=True))
    rows = None
    if features and draw(st.booleans()):
        row = st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.5, 2.0]))
        rows = draw(st.lists(row, min_size=len(names), max_size=len(names)))
    return renumbered(
        ArchitectureGraph(names, edges, rows), draw(st.permutations(range(len(names))))
    )


@st.composite
def renumberings(draw: st.DrawFn, graph: ArchitectureGraph) -> ArchitectureGraph:
    """The same graph in another numbering."""
    return renumbered(graph, draw(st.permutations(range(len(graph)))))


@st.composite
def near_misses(draw: st.DrawFn, graph: ArchitectureGraph) -> ArchitectureGraph:
    """The graph, renumbered, with one label or feature changed or one edge added or removed."""
    labels, edges = list(graph.labels), set(graph.edges)
    rows = None if graph.features is None else [list(row) for row in graph.features]
    kind = draw(st.sampled_from(["label", "edge", "feature"]))
    if kind == "edge":
        later = [(s, t) for i, s in enumerate(graph.order) for t in graph.order[i + 1 :]]
        edges ^= {draw(st.sampled_from(later))}
    elif kind == "feature" and rows is not None:
        draw(st.sampled_from(rows))[0] += 1.0
    else:
        labels[draw(st.sampled_from(range(len(labels))))] = draw(st.sampled_from(["conv", "other"]))
    changed = ArchitectureGraph(labels, edges, rows)
    return renumbered(changed, draw(st.permutations(range(len(labels)))))


_EXTREME = (0.0, -0.0, 5e-324, 1e-320, 1e-300, 1e300, 1.7e308, -1.7e308, -1e-300, -1e300, 1.0, -1.0)


def measured_columns(n: int = 12) -> st.SearchStrategy[list[float]]:
    """Draw ``n`` finite values of an objective: ordinary, extreme, tied, constant but for one."""
    numbers = st.sampled_from(_EXTREME) | st.floats(0.1, 100.0) | st.floats(allow_nan=False)
    finite = numbers.filter(math.isfinite)
    return (
        st.lists(finite, min_size=n, max_size=n)
        | st.lists(st.sampled_from([1.0, 2.0]), min_size=n, max_size=n)
        | st.lists(st.floats(1e-320, 1e308), min_size=n, max_size=n)
        | finite.map(lambda value: [value] * n)
        | finite.map(lambda value: [*map(float, range(1, n)), value])
    )
