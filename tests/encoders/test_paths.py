"""Path counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import networkx as nx
import pytest
import torch
from hypothesis import given
from strategies import as_networkx, graphs

from bonas.encoders import (
    Encoder,
    GraphStatistics,
    OneHot,
    PathCounts,
)
from bonas.encoders.paths import log1p, path_counts
from bonas.spaces import (
    IDENTITY,
    INPUT,
    OUTPUT,
    ArchitectureGraph,
    Choices,
    Space,
)
from bonas.testing import EncoderContract


class TestPathCounts(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return PathCounts(space)


def _paths_by_networkx(graph: ArchitectureGraph) -> Counter[tuple[str, ...]]:
    """List every input-output path; an input or output inside a path is no operation."""
    digraph = as_networkx(graph)
    found: Counter[tuple[str, ...]] = Counter()
    inputs = [i for i, label in enumerate(graph.labels) if label == INPUT]
    outputs = [i for i, label in enumerate(graph.labels) if label == OUTPUT]
    for source in inputs:
        for target in outputs:
            for path in nx.all_simple_paths(digraph, source, target):
                labels = [graph.labels[node] for node in path]
                ends = (INPUT, OUTPUT, IDENTITY)
                found[tuple(label for label in labels if label not in ends)] += 1
    return found


@given(graphs())
def test_path_counts_are_those_of_listing_every_path(graph: ArchitectureGraph) -> None:
    assert path_counts(graph, max_length=99) == _paths_by_networkx(graph)


def test_long_paths_are_counted_by_their_end() -> None:
    labels = [INPUT, "a", "b", "c", OUTPUT]
    chain = ArchitectureGraph(labels, [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert path_counts(chain, max_length=2) == Counter({("b", "c"): 1})


def test_a_deep_network_of_branches_is_counted_without_listing_its_paths() -> None:
    """Count the 2^40 paths of forty diamonds in a row, exactly."""
    labels, edges = [INPUT], []
    for _ in range(40):
        start = len(labels) - 1
        labels += ["a", "a", IDENTITY]
        edges += [(start, start + 1), (start, start + 2)]
        edges += [(start + 1, start + 3), (start + 2, start + 3)]
    labels.append(OUTPUT)
    edges.append((len(labels) - 2, len(labels) - 1))
    counts = path_counts(ArchitectureGraph(labels, edges), max_length=3)
    assert counts == Counter({("a", "a", "a"): 2**40})


class Deep(Space):
    """Residual blocks in a row: as many as are chosen, with 2 to that power paths."""

    def __init__(self, *depths: int) -> None:
        self.parameters = {"depth": depths, "op": ("a", "b")}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        depth = int(choices["depth"])  # type: ignore[arg-type]  # depths are numbers
        labels, edges = [INPUT], []
        for _ in range(depth):
            start = len(labels) - 1
            labels += [str(choices["op"]), "add"]
            edges += [(start, start + 1), (start, start + 2), (start + 1, start + 2)]
        return ArchitectureGraph([*labels, OUTPUT], [*edges, (len(labels) - 1, len(labels))])


@pytest.mark.parametrize("depth", [60, 64, 1100, 5000])  # 2 ** 1100 is no number in float64
@pytest.mark.parametrize("encoder", [PathCounts, GraphStatistics, OneHot])
def test_encodings_are_finite_however_many_paths_there_are(
    encoder: Callable[[Space], Encoder], depth: int
) -> None:
    space = Deep(depth, depth + 1)
    encoded = encoder(space).encode(space.reference)
    assert torch.isfinite(encoded).all()
    assert len(torch.unique(encoded, dim=0)) == 4


def test_the_logarithm_of_a_count_goes_on_where_float64_ends() -> None:
    assert log1p(2**53) == pytest.approx(math.log1p(2.0**53), rel=1e-15)
    assert log1p(2**10_000) == pytest.approx(10_000 * math.log(2.0), rel=1e-15)
