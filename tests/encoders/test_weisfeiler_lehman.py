"""The Weisfeiler-Lehman encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import as_networkx, graphs, renumberings
from torch import Tensor

from bonas.encoders import Encoder
from bonas.encoders.weisfeiler_lehman import WeisfeilerLehman
from bonas.errors import InvalidArgument
from bonas.spaces import INPUT, OUTPUT, Architecture, ArchitectureGraph, CellSpace, Choices, Space
from bonas.testing import EncoderContract


class TestOperations(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return WeisfeilerLehman(space, depth=0)


class TestTwoSteps(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return WeisfeilerLehman(space, depth=2)


class Listed(Space):
    """A space of the graphs it is given, as they are: with identities, and dead ones too."""

    def __init__(self, graphs: Sequence[ArchitectureGraph]) -> None:
        self.graphs = graphs
        self.parameters = {"which": list(range(len(graphs)))}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return self.graphs[int(choices["which"])]  # type: ignore[arg-type]  # a number

    @cached_property
    def reference(self) -> tuple[Architecture, ...]:
        made = (Architecture({"which": i}, graph) for i, graph in enumerate(self.graphs))
        return tuple(dict.fromkeys(made))


def _chain(*labels: str) -> ArchitectureGraph:
    names = [INPUT, *labels, OUTPUT]
    return ArchitectureGraph(names, [(i, i + 1) for i in range(len(names) - 1)])


def _encoded(encoder: Encoder, *some: ArchitectureGraph) -> Tensor:
    return encoder.encode([Architecture({"which": i}, graph) for i, graph in enumerate(some)])


def test_counts_of_three_nodes_by_hand() -> None:
    # chains input -> a -> output and input -> b -> output, and two a side by side:
    # depth 0: {input 1, a 1, output 1}, {input 1, b 1, output 1}, {input 1, a 2, output 1}
    # depth 1: {input(a) 1, a(input, output) 1, output(a) 1}, the same with b, and
    #          {input(a, a) 1, a(input, output) 2, output(a, a) 1}
    both = ArchitectureGraph([INPUT, "a", "a", OUTPUT], [(0, 1), (0, 2), (1, 3), (2, 3)])
    some = [_chain("a"), _chain("b"), both]
    shared = {0: [[3, 2, 4], [2, 3, 2], [4, 2, 6]], 1: [[3, 0, 2], [0, 3, 0], [2, 0, 6]]}
    for depth, products in shared.items():
        encoder = WeisfeilerLehman(Listed(some), depth=depth)
        X = _encoded(encoder, *some)
        assert encoder.width == {0: 4, 1: 8}[depth]
        assert (X @ X.T).tolist() == products


def test_dead_nodes_are_not_counted() -> None:
    dead = ArchitectureGraph([INPUT, "a", "b", OUTPUT], [(0, 1), (1, 3), (0, 2)])
    encoder = WeisfeilerLehman(Listed([_chain("a"), dead, _chain("b")]), depth=2)
    X = _encoded(encoder, _chain("a"), dead)
    assert torch.equal(X[0], X[1])


def test_a_network_without_a_path_counts_nothing() -> None:
    nothing = ArchitectureGraph([INPUT, "a", OUTPUT], [(0, 1)])
    encoder = WeisfeilerLehman(Listed([_chain("a"), _chain("b")]), depth=1)
    assert _encoded(encoder, nothing).tolist() == [[0.0] * 6]


def test_a_nodes_features_are_part_of_its_label() -> None:
    wide, narrow = (
        ArchitectureGraph([INPUT, "a", OUTPUT], [(0, 1), (1, 2)], [[0.0], [width], [0.0]])
        for width in (8.0, 4.0)
    )
    encoder = WeisfeilerLehman(Listed([wide, narrow]), depth=0)
    X = _encoded(encoder, wide, narrow)
    assert float(X[0] @ X[1]) == 2.0


@given(st.data())
def test_numbering_changes_no_count(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    other = data.draw(renumberings(graph))
    encoder = WeisfeilerLehman(Listed([graph, _chain("conv")]), depth=2)
    X = _encoded(encoder, graph, other)
    assert torch.equal(X[0], X[1])
    assert float(X[0].sum()) == len(graph.live())


@given(graphs(), graphs(), st.integers(1, 3))
def test_labels_in_common_are_those_that_networkx_finds(
    one: ArchitectureGraph, two: ArchitectureGraph, depth: int
) -> None:
    def by_networkx(graph: ArchitectureGraph) -> Counter[str]:
        alive = as_networkx(graph).subgraph(graph.live()).to_undirected()
        found = nx.weisfeiler_lehman_subgraph_hashes(alive, node_attr="name", iterations=depth)
        return Counter(hashes[-1] for hashes in found.values())

    encoder = WeisfeilerLehman(Listed([one, two]), depth=depth)
    X = _encoded(encoder, one, two)
    first, second = by_networkx(one), by_networkx(two)
    assert float(X[0] @ X[1]) == sum(first[label] * second[label] for label in first)
    assert float(X[0] @ X[0]) == sum(count**2 for count in first.values())


def test_what_the_reference_set_does_not_have_is_left_out_and_forgotten() -> None:
    encoder = WeisfeilerLehman(Listed([_chain("a"), _chain("b")]), depth=1)
    before = [len(table) for table in encoder._tables()]
    X = _encoded(encoder, _chain("c"), _chain("a", "c"), _chain("a"))
    # of the chain a, c: input(a) is known; a(input, c), c(a, output) and output(c) are not
    assert X.sum(1).tolist() == [0.0, 1.0, 3.0]
    assert [len(table) for table in encoder._tables()] == before


def test_the_most_common_labels_are_kept() -> None:
    some = [_chain("a"), _chain("a", "a"), _chain("b")]
    encoder = WeisfeilerLehman(Listed(some), depth=0, max_labels=3)
    assert encoder.width == 3
    assert _encoded(encoder, *some).sum(1).tolist() == [3.0, 4.0, 2.0]  # b has no column


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_a_depth_is_a_number_of_steps(depth: object) -> None:
    with pytest.raises(InvalidArgument, match="depth must be a whole number of at least 0"):
        WeisfeilerLehman(CellSpace(nodes=2), depth=depth)  # type: ignore[arg-type]  # on purpose
