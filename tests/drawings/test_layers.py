"""Facts about layers, the order in them, and places."""

from __future__ import annotations

import subprocess
from itertools import combinations, pairwise, permutations, product
from typing import Any

import numpy as np
import pytest
from drawings.networks import random_graph

from bonas.drawings import graphviz
from bonas.drawings.coordinates import Extent, isotonic, places
from bonas.drawings.graphviz import dot_layered, is_installed
from bonas.drawings.layers import Edge, Layered, layered, layers_of

CROSSED: list[Edge] = [(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4), (4, 7), (5, 7), (6, 7)]


def random_networks(count: int) -> list[tuple[int, list[Edge]]]:
    rng = np.random.default_rng(2)
    graphs = [random_graph(rng, int(rng.integers(5, 18)), 0.15) for _ in range(count)]
    return [(len(graph), list(graph.edges)) for graph in graphs]


def crossings(found: Layered) -> int:
    """Count crossings pair by pair."""
    place = {node: x for row in found.layers for x, node in enumerate(row)}
    layer = {node: i for i, row in enumerate(found.layers) for node in row}
    steps = {pair for chain in found.chains.values() for pair in pairwise(chain)}
    return sum(
        (place[a] - place[c]) * (place[b] - place[d]) < 0
        for (a, b), (c, d) in combinations(sorted(steps), 2)
        if layer[a] == layer[c]
    )


def test_layers_are_longest_paths_and_sources_stand_before_what_reads_them() -> None:
    edges = [(0, 1), (1, 2), (2, 4), (0, 4), (3, 4)]
    assert layers_of(5, edges) == [0, 1, 2, 2, 3]
    assert layers_of(3, [(0, 1)], last=2) == [0, 1, 1]


@pytest.mark.parametrize("order", [layered, dot_layered])
def test_edges_lead_from_layer_to_layer(order: Any) -> None:
    for n, edges in random_networks(8):
        found = order(n, edges)
        layer = {node: i for i, row in enumerate(found.layers) for node in row}
        assert set(range(n)) <= layer.keys()
        assert found.chains.keys() == set(edges)
        for (source, target), chain in found.chains.items():
            assert (chain[0], chain[-1]) == (source, target)
            assert [layer[node] for node in chain] == list(range(layer[source], layer[target] + 1))
            assert all(node >= n for node in chain[1:-1])


def test_crossings_are_counted_right() -> None:
    for n, edges in random_networks(12):
        found = layered(n, edges)
        assert found.crossings == crossings(found)


def test_three_crossed_lines_are_uncrossed() -> None:
    assert layered(8, CROSSED).crossings == 0


def test_the_order_of_small_networks_is_nearly_the_best() -> None:
    """Against all orders of a network with two layers of four."""
    rng = np.random.default_rng(4)
    total = best = 0
    for _ in range(10):
        pairs = [(a, b) for a in range(4) for b in range(4, 8) if rng.random() < 0.5]
        edges = [(a + 1, b + 1) for a, b in pairs]
        edges += [(0, a) for a in range(1, 5)]
        edges += [(b, 9) for b in range(5, 9)]
        fed = {b for _, b in edges}
        edges += [(0, b) for b in range(5, 9) if b not in fed]
        found = layered(10, sorted(set(edges)))
        total += found.crossings
        rows = [permutations(row) for row in found.layers]
        best += min(Layered(tuple(order), found.chains, 10).crossings for order in product(*rows))
    assert best <= total <= 1.15 * best


@pytest.mark.skipif(not is_installed(), reason="there is no Graphviz here")
def test_dot_crosses_no_more_lines() -> None:
    for n, edges in random_networks(8):
        assert dot_layered(n, edges).crossings <= layered(n, edges).crossings


@pytest.mark.parametrize(
    "failure",
    [OSError("gone"), subprocess.TimeoutExpired("dot", 5), subprocess.CalledProcessError(1, "dot")],
)
def test_dot_that_fails_changes_nothing(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(graphviz.subprocess, "run", fail)
    for n, edges in random_networks(4):
        assert dot_layered(n, edges) == layered(n, edges)


def test_dot_that_answers_nonsense_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*arguments: object, **options: object) -> object:
        return subprocess.CompletedProcess("dot", 0, stdout="graph 1 1 1\nnode 0 1 1\nstop\n")

    monkeypatch.setattr(graphviz.subprocess, "run", answer)
    for n, edges in random_networks(4):
        assert dot_layered(n, edges) == layered(n, edges)


def test_isotonic_regression_against_all_partitions() -> None:
    """The best non-decreasing step function, each step at the mean of its values."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        values, weights = rng.normal(size=5), rng.uniform(0.1, 2, size=5)
        best = min(
            float(weights @ (values - steps) ** 2)
            for cuts in product([False, True], repeat=4)
            if np.all(np.diff(steps := stepped(values, weights, cuts)) >= -1e-12)
        )
        found = np.array(isotonic(values.tolist(), weights.tolist()))
        assert np.all(np.diff(found) >= 0)
        assert float(weights @ (values - found) ** 2) == pytest.approx(best)


def stepped(values: np.ndarray, weights: np.ndarray, cuts: tuple[bool, ...]) -> np.ndarray:
    group = np.cumsum([0, *cuts])
    return np.array([np.average(values[group == g], weights=weights[group == g]) for g in group])


def test_nodes_of_a_layer_keep_their_order_and_distance() -> None:
    rng = np.random.default_rng(9)
    for n, edges in random_networks(10):
        found = layered(n, edges)
        sides = rng.uniform(5, 60, size=(n, 2))
        extents = {i: Extent(a, b, (b - a) / 3) for i, (a, b) in enumerate(sides)}
        x = places(found, extents, 10.0)
        point = Extent(0.0, 0.0)
        for row in found.layers:
            for a, b in pairwise(row):
                gap = extents.get(a, point).right + 10 + extents.get(b, point).left
                assert x[b] - x[a] >= gap - 1e-6


def test_a_chain_and_the_way_around_it_are_straight() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]
    found = layered(5, edges)
    extents = {i: Extent(20.0 + 9 * i, 20.0 + 9 * i) for i in range(5)}
    x = places(found, extents, 10.0)
    assert len({round(x[i], 6) for i in range(5)}) == 1
    assert len({round(x[dummy], 6) for dummy in found.chains[0, 4][1:-1]}) == 1
