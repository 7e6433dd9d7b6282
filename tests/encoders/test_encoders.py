"""Every encoder keeps the contract; and what each promises beyond it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import as_networkx, graphs, renumberings

from bonas.encoders import (
    Blocks,
    Encoder,
    GNNEncoder,
    GraphStatistics,
    Layout,
    OneHot,
    PathCounts,
    check_encoder,
)
from bonas.encoders.paths import log1p, path_counts
from bonas.encoders.statistics import graph_statistics
from bonas.errors import InvalidArgument
from bonas.spaces import (
    IDENTITY,
    INPUT,
    OUTPUT,
    Architecture,
    ArchitectureGraph,
    CellSpace,
    Choices,
    NASBench201,
    Space,
)
from bonas.testing import EncoderContract


class TestOneHot(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return OneHot(space)


class TestPathCounts(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return PathCounts(space)


class TestGraphStatistics(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return GraphStatistics(space)


class TestGNNEncoder(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return GNNEncoder(space, members=2, steps=20)


class TestBlocks(EncoderContract):
    """All side by side."""

    def encoder(self, space: Space) -> Encoder:
        gnn = GNNEncoder(space, members=2, steps=20)
        return _Named(Blocks(space, ["one_hot", "paths", "statistics", gnn]))


class _Named:
    name = "blocks"

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.width = blocks.width

    def encode(self, architectures: list[Architecture]) -> torch.Tensor:
        return self.blocks.encode(architectures)


@pytest.fixture(scope="module")
def space() -> CellSpace:
    return CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


def _paths_by_networkx(graph: ArchitectureGraph) -> Counter[tuple[str, ...]]:
    """Every input-output path listed; an input or output inside a path is no operation."""
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


@given(st.data())
def test_numbering_changes_no_path_count_and_no_statistic(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    other = data.draw(renumberings(graph))
    assert path_counts(graph, 6) == path_counts(other, 6)
    labels = ["conv", "pool", IDENTITY]
    assert graph_statistics(graph, labels) == graph_statistics(other, labels)


def test_long_paths_are_told_by_their_end() -> None:
    labels = [INPUT, "a", "b", "c", OUTPUT]
    chain = ArchitectureGraph(labels, [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert path_counts(chain, max_length=2) == Counter({("b", "c"): 1})


def test_a_deep_network_of_branches_is_counted_without_listing_its_paths() -> None:
    """Forty diamonds in a row have 2^40 paths; the counts are exact all the same."""
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


def test_blocks_have_mean_zero_and_total_variance_one_over_the_reference_set(
    space: CellSpace,
) -> None:
    blocks = Blocks(space, ["one_hot", "paths", "statistics"])
    X = blocks.encode(list(space.reference))
    assert float(X.mean(0).abs().max()) < 1e-9
    for columns in blocks.slices.values():
        assert float(X[:, columns].square().sum(1).mean()) == pytest.approx(1.0)


def test_an_architecture_is_encoded_once(space: CellSpace) -> None:
    calls: list[int] = []

    class Counting(OneHot):
        def encode(self, architectures: list[Architecture]) -> torch.Tensor:
            calls.append(len(architectures))
            return super().encode(architectures)

    blocks = Blocks(space, [Counting(space)])
    calls.clear()
    first = blocks.encode(list(space.reference[:5]))
    again = blocks.encode(list(space.reference[:6]))
    assert calls == [5, 1]
    assert torch.equal(first, again[:5])


def test_the_gnn_learns_its_pretext_task(space: CellSpace) -> None:
    untrained = GNNEncoder(space, members=2, steps=1)
    trained = GNNEncoder(space, members=2, steps=150)
    assert untrained.fit < 0.3
    assert trained.fit > 0.7


def test_isomorphic_graphs_have_one_embedding() -> None:
    space = NASBench201()
    # nodes 1 and 2 of the cell change places
    one = dict.fromkeys(space.parameters, "none") | {
        "edge_0_1": "nor_conv_3x3",
        "edge_1_3": "avg_pool_3x3",
    }
    two = dict.fromkeys(space.parameters, "none") | {
        "edge_0_2": "nor_conv_3x3",
        "edge_2_3": "avg_pool_3x3",
    }
    small = CellSpace(nodes=3)
    encoder = GNNEncoder(small, members=2, steps=5)
    X = encoder.encode([space.architecture(one), space.architecture(two)])
    torch.testing.assert_close(X[0], X[1], rtol=1e-5, atol=1e-6)


def test_fine_tuning_brings_the_embedding_nearer_to_the_values(space: CellSpace) -> None:
    """A linear fit of the embedding to a made-up target, which no pretext target is."""
    frozen = GNNEncoder(space, members=2, embedding=4, steps=60)
    some = list(space.reference[:120])
    rng = np.random.default_rng(0)
    hidden = torch.from_numpy(rng.standard_normal((OneHot(space).width, 1)))
    values = torch.sin(2 * OneHot(space).encode(some) @ hidden)
    tuned = frozen.fine_tuned(some[:80], values[:80])

    def left(encoder: GNNEncoder) -> float:
        X = torch.nn.functional.pad(encoder.encode(some[:80]), (0, 1), value=1.0)
        solution = torch.linalg.lstsq(X, values[:80]).solution
        return float((X @ solution - values[:80]).square().mean())

    assert left(tuned) < 0.8 * left(frozen)
    again = frozen.fine_tuned(some[:80], values[:80])
    assert torch.equal(tuned.encode(some), again.encode(some))


def test_the_global_random_state_is_left_alone(space: CellSpace) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    GNNEncoder(space, members=1, steps=2)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("onehot", "unknown encoder 'onehot'; expected one of 'gnn', 'one_hot'"),
        (3, "expected the name of an encoder"),
    ],
)
def test_what_is_no_encoder_is_refused(given: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        check_encoder(given)


def test_a_name_may_come_once(space: CellSpace) -> None:
    with pytest.raises(InvalidArgument, match="different names"):
        Blocks(space, ["one_hot", "one_hot"])
    with pytest.raises(InvalidArgument, match="different names"):
        Blocks(space, [])


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn', only"):
        Layout({"paths": slice(0, 2)}, {}).columns(torch.zeros(1, 2), "gnn")
