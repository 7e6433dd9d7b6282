"""What of a drawn graph computes: however a cell is drawn, it is one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from bonas.encoders import Blocks
from bonas.errors import InvalidSpace
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, NASBench201, Space
from bonas.spaces.cells.space import BENCHMARK_OPERATIONS, cell_edges
from bonas.spaces.reduction import Reduction, suspected

EDGES = cell_edges(4)


class Drawn(Space):
    """Cells of NAS-Bench-201 as one would draw them: a node for each operation, whatever it is."""

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


class Declared(Drawn):
    """The same, and its author says what does nothing."""

    absent = frozenset({"none"})
    identities = frozenset({"skip_connect"})


def chain(*labels: str) -> ArchitectureGraph:
    whole = [INPUT, *labels, OUTPUT]
    return ArchitectureGraph(whole, [(i, i + 1) for i in range(len(whole) - 1)])


def test_an_absent_operation_takes_its_path_with_it_and_an_identity_none() -> None:
    reduction = Reduction(frozenset({"none"}), frozenset({"skip"}))
    # input -> conv -> skip -> output, and input -> pool -> none -> output
    drawn = ArchitectureGraph(
        [INPUT, "conv", "skip", "pool", "none", OUTPUT],
        [(0, 1), (1, 2), (2, 5), (0, 3), (3, 4), (4, 5)],
    )
    assert reduction.of(drawn) == chain("conv")


def test_a_declared_drawing_is_the_cell_of_the_library() -> None:
    own, drawn, rng = NASBench201(), Declared(), np.random.default_rng(0)
    for _ in range(200):
        choices = own.sample(rng)
        assert drawn.architecture(choices) == own.architecture(choices)
        assert drawn.allows(choices)


def test_a_network_that_reads_no_input_is_not_proposed_unless_allowed() -> None:
    nothing = dict.fromkeys(EDGES, "none")
    assert not Declared().allows(nothing)
    assert nothing not in [dict(member.choices) for member in Declared().members or ()]

    class Everything(Declared):
        allow_disconnected = True

    assert Everything().allows(nothing)


def test_labels_that_seem_to_do_nothing_are_told_and_left_out_of_what_surrogates_read() -> None:
    space = Drawn()
    with pytest.warns(UserWarning, match=r"absent = \{'none'\} and identities = \{'skip_connect'"):
        one = space.architecture({**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"})
    assert one.graph == chain("nor_conv_3x3")


def test_networks_that_were_drawn_differently_stay_different_until_they_are_declared() -> None:
    one = {**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"}
    other = {**one, "edge_0_1": "nor_conv_1x1"}  # which nothing reads
    with pytest.warns(UserWarning, match="do nothing"):
        assert Drawn().architecture(one) != Drawn().architecture(other)
    assert Declared().architecture(one) == Declared().architecture(other)


def test_networks_that_seem_to_be_one_are_encoded_as_one() -> None:
    one = {**dict.fromkeys(EDGES, "none"), "edge_0_3": "nor_conv_3x3"}
    twin = {**one, "edge_0_1": "nor_conv_1x1"}
    with pytest.warns(UserWarning, match="do nothing"):
        blocks = Blocks(space := Drawn(), ["one_hot", "statistics"])
    rows = blocks.encode([space.architecture(choices) for choices in (one, twin)])
    assert torch.equal(rows[0], rows[1])


def test_nothing_in_a_chain_means_that_nothing_is_done() -> None:
    found = suspected([chain("conv", norm) for norm in ("none", "batch_norm")])
    assert found == Reduction(frozenset(), frozenset({"none"}))


@pytest.mark.parametrize("label", ["Skip-Connect", "op=skip_connect", "op: Identity", "noop"])
def test_a_name_is_known_however_it_is_written(label: str) -> None:
    assert suspected([chain("conv", label)]).identities == {label}


def test_an_author_who_declares_nothing_absent_is_not_asked_again() -> None:
    class Certain(Drawn):
        absent = frozenset[str]()

    assert "none" in Certain().architecture(dict.fromkeys(EDGES, "none")).graph.labels


def test_a_label_alone_is_no_set_of_labels() -> None:
    class Wrong(Drawn):
        absent = "none"

    with pytest.raises(InvalidSpace, match="absent must be a set of labels, got 'none'"):
        Wrong().architecture(dict.fromkeys(EDGES, "none"))
