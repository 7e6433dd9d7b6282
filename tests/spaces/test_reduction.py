"""Reduction: graphs of the same computation become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from bonas.encoders import Blocks
from bonas.errors import InvalidSpace
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, NASBench201, Space
from bonas.spaces.cells.cell import cell_edges
from bonas.spaces.cells.space import BENCHMARK_OPERATIONS
from bonas.spaces.reduction import Reduction, suspected

EDGES = cell_edges(4)


class Verbose(Space):
    """Cells of NAS-Bench-201 with a node for each operation, also where it does nothing."""

    parameters: Mapping[str, Sequence[Choice]] = dict.fromkeys(EDGES, BENCHMARK_OPERATIONS)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = [INPUT, *(str(choices[name]) for name in EDGES), OUTPUT]
        end, ends = len(labels) - 1, list(EDGES.values())
        edges = [(0, i) for i, (source, _) in enumerate(ends, 1) if source == 0]
        edges += [(i, end) for i, (_, target) in enumerate(ends, 1) if target == 3]
        edges += [
            (i, j)
            for i, (_, target) in enumerate(ends, 1)
            for j, (source, _) in enumerate(ends, 1)
            if source == target
        ]
        return ArchitectureGraph(labels, edges)


class Declared(Verbose):
    """The same cells, with declarations of the operations that do nothing."""

    absent = frozenset({"none"})
    identities = frozenset({"skip_connect"})


def chain(*labels: str) -> ArchitectureGraph:
    whole = [INPUT, *labels, OUTPUT]
    return ArchitectureGraph(whole, [(i, i + 1) for i in range(len(whole) - 1)])


def test_an_absent_operation_removes_its_path_and_an_identity_does_not() -> None:
    reduction = Reduction(frozenset({"none"}), frozenset({"skip"}))
    # input -> conv -> skip -> output, and input -> pool -> none -> output
    graph = ArchitectureGraph(
        [INPUT, "conv", "skip", "pool", "none", OUTPUT],
        [(0, 1), (1, 2), (2, 5), (0, 3), (3, 4), (4, 5)],
    )
    assert reduction.of(graph) == chain("conv")


def test_a_declared_graph_is_reduced_to_that_of_the_built_in_space() -> None:
    own, declared, rng = NASBench201(), Declared(), np.random.default_rng(0)
    for _ in range(200):
        choices = own.sample(rng)
        assert declared.architecture(choices) == own.architecture(choices)
        assert declared.allows(choices)


def test_a_network_that_reads_no_input_is_not_proposed_unless_allowed() -> None:
    nothing = dict.fromkeys(EDGES, "none")
    assert not Declared().allows(nothing)
    assert nothing not in [dict(member.choices) for member in Declared().members or ()]

    class Everything(Declared):
        allow_disconnected = True

    assert Everything().allows(nothing)


def test_labels_that_seem_to_do_nothing_are_warned_of_and_hidden_from_surrogates() -> None:
    space = Verbose()
    with pytest.warns(UserWarning, match=r"absent = \{'none'\} and identities = \{'skip_connect'"):
        one = space.architecture({**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"})
    assert one.graph == chain("nor_conv_3x3")


def test_suspected_labels_distinguish_architectures_until_they_are_declared() -> None:
    one = {**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"}
    other = {**one, "edge_0_1": "nor_conv_1x1"}  # which nothing reads
    with pytest.warns(UserWarning, match="do nothing"):
        assert Verbose().architecture(one) != Verbose().architecture(other)
    assert Declared().architecture(one) == Declared().architecture(other)


def test_architectures_that_seem_equal_have_equal_encodings() -> None:
    one = {**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"}
    twin = {**one, "edge_0_1": "nor_conv_1x1"}
    with pytest.warns(UserWarning, match="do nothing"):
        blocks = Blocks(space := Verbose(), ["one_hot", "statistics"])
    rows = blocks.encode([space.architecture(choices) for choices in (one, twin)])
    assert torch.equal(rows[0], rows[1])


def test_none_in_a_chain_is_an_identity() -> None:
    found = suspected([chain("conv", norm) for norm in ("none", "batch_norm")])
    assert found == Reduction(frozenset(), frozenset({"none"}))


@pytest.mark.parametrize("label", ["Skip-Connect", "op=skip_connect", "op: Identity", "noop"])
def test_a_name_is_recognised_in_any_spelling(label: str) -> None:
    assert suspected([chain("conv", label)]).identities == {label}


def test_declaring_nothing_absent_ends_the_warning() -> None:
    class Certain(Verbose):
        absent = frozenset[str]()

    assert "none" in Certain().architecture(dict.fromkeys(EDGES, "none")).graph.labels


def test_a_string_is_refused_as_a_set_of_labels() -> None:
    class Wrong(Verbose):
        absent = "none"

    with pytest.raises(InvalidSpace, match="absent must be a set of labels, got 'none'"):
        Wrong().architecture(dict.fromkeys(EDGES, "none"))
