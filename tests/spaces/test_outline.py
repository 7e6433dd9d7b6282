"""Facts about outlines: graphs with what a person wants to know of each node."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawings.networks import SPACES, Residual, outlines, residual_networks
from torch import nn

from bonas import ArchitectureGraph
from bonas.errors import InvalidGraph
from bonas.spaces import FEATURES, Outline, Sketch, Space
from bonas.spaces.sketch import sizes_of
from bonas.spaces.tracing.trace import traced


@pytest.mark.parametrize("name", ["mobile", "transformer", "mlp", "recurrent", "darts", "family"])
def test_the_graph_of_an_outline_is_that_of_the_space(name: str) -> None:
    space = SPACES[name]
    for seed in range(3):
        choices = space.sample(np.random.default_rng(seed))
        outline = space.outline(choices)
        assert outline.graph.canonical_hash == space.graph(choices).canonical_hash


@pytest.mark.parametrize("name", SPACES)
def test_sizes_and_shapes_agree(name: str) -> None:
    for outline in outlines(name):
        for sizes, shape in zip(outline.sizes[:-1], outline.shapes[:-1], strict=True):
            assert shape is not None
            assert sizes["elements"] == np.prod(shape)


@pytest.mark.parametrize("name", ["mobile", "transformer", "family"])
def test_sizes_are_read_from_the_features_of_a_sketch(name: str) -> None:
    for outline in outlines(name):
        sizes = sizes_of(outline.graph)
        assert sizes is not None
        assert sizes[:-1] == outline.sizes[:-1]


@pytest.mark.parametrize(
    "row", [[0.5] * len(FEATURES), [-1.0] * len(FEATURES), [1e308] * len(FEATURES), [0.0]]
)
def test_other_features_are_no_sizes(row: list[float]) -> None:
    assert sizes_of(ArchitectureGraph(["input", "output"], [(0, 1)], [row, row])) is None
    assert sizes_of(ArchitectureGraph(["input", "output"], [(0, 1)])) is None


def test_blocks_of_a_sketch_nest_and_change_no_graph() -> None:
    sketch, plain = Sketch((4,)), Sketch((4,))
    with sketch.block("outer"):
        x = sketch.linear(sketch.input, 4, 8)
        with sketch.block("inner"):
            x = sketch.linear(x, 8, 4)
    with pytest.raises(ZeroDivisionError), sketch.block("left by an error"):
        raise ZeroDivisionError
    x = sketch.linear(x, 4, 2)
    outline = sketch.outline(x)
    assert [[block.name for block in blocks] for blocks in outline.blocks] == [
        *([], ["outer"], ["outer", "inner"], [], [])
    ]
    y = plain.linear(plain.linear(plain.linear(plain.input, 4, 8), 8, 4), 4, 2)
    assert outline.graph == plain.graph(y)


def test_an_outline_has_only_what_leads_to_the_output() -> None:
    sketch = Sketch((4,))
    unused = sketch.linear(sketch.input, 4, 1_000)
    x = sketch.linear(sketch.input, 4, 2)
    outline = sketch.outline(x)
    assert unused != x
    assert [sizes.get("outputs") for sizes in outline.sizes] == [None, 2, None]
    assert outline.shapes == ((4,), (2,), (2,))


def test_modules_that_consist_of_others_are_blocks_of_a_traced_network() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Sequential(Residual(8, 8), Residual(8, 16)))
    example = torch.zeros(1, 3, 8, 8)
    trace = traced(network, example, blocks=True)
    blocks = trace.sketch.outline(trace.output).blocks
    assert {block.name for own in blocks for block in own} == {"Residual"}
    assert len({block for own in blocks for block in own}) == 2
    assert not any(module._forward_hooks for module in network.modules())
    assert trace.graph == traced(network, example).graph


def test_hooks_are_removed_from_a_network_that_fails() -> None:
    network = nn.Sequential(Residual(8, 8))
    with pytest.raises(RuntimeError):
        traced(network, torch.zeros(1, 3, 8, 8), blocks=True)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_a_space_with_a_graph_alone_has_an_outline() -> None:
    class Widths(Space):
        parameters = {"width": [8, 16]}  # noqa: RUF012 - never changed, short to read

        def graph(self, choices: object) -> ArchitectureGraph:
            return ArchitectureGraph(["input", "linear", "output"], [(0, 1), (1, 2)])

    assert Widths().outline({"width": 8}) == Outline.of_graph(Widths().graph({"width": 8}))


def test_a_space_without_a_graph_has_the_outline_of_a_run() -> None:
    class Perceptrons(Space):
        parameters = {"width": [8, 16]}  # noqa: RUF012 - never changed, short to read
        input = torch.zeros(1, 4)

        def build(self, choices: object) -> nn.Module:
            assert isinstance(choices, dict)
            return nn.Linear(4, choices["width"])

    assert Perceptrons().outline({"width": 8}).shapes == ((4,), (8,), (8,))


def test_what_is_asked_of_an_outline_is_that_lengths_agree() -> None:
    graph = ArchitectureGraph(["input", "output"], [(0, 1)])
    with pytest.raises(InvalidGraph, match=r"expected sizes, shapes and blocks of 2 nodes"):
        Outline(graph, ({},), (None, None), ((), ()))


def test_numbers_do_not_change_the_outline() -> None:
    choices = residual_networks.sample(np.random.default_rng(0))
    assert residual_networks.outline(choices) == residual_networks.outline(dict(choices))


def test_what_reads_a_bypassed_node_reads_what_that_reads() -> None:
    graph = ArchitectureGraph(
        ["input", "a", "place(0)", "place(1)", "add", "output"],
        [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (1, 4), (4, 5)],
    )
    outline = Outline.of_graph(graph).bypassing([0, 2, 3])
    assert outline.graph.labels == ("input", "a", "add", "output")
    assert outline.graph.edges == ((0, 1), (0, 2), (1, 2), (2, 3))
    assert outline.bypassing([]) is outline


def test_marks_of_an_order_of_arguments_are_in_the_graph_and_not_in_the_outline() -> None:
    class Late(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.tanh(x), torch.relu(x)], 1)

    trace = traced(Late(), torch.zeros(1, 4))
    marks = [label for label in trace.graph.labels if label.startswith("place")]
    assert marks
    assert len(trace.outline) == len(trace.graph) - len(marks)
    assert not any(label.startswith("place") for label in trace.outline.graph.labels)
