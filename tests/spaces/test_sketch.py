"""A sketch becomes a graph with sizes, and adds up what the network costs."""

from __future__ import annotations

import math

import pytest

from bonas.errors import InvalidGraph
from bonas.spaces import FEATURES, Sketch


def sketched() -> tuple[Sketch, int]:
    """Return a convolution of 3 to 4 channels on 8 x 8 pixels, mean, linear map and a dead relu."""
    sketch = Sketch((3, 8, 8))
    x = sketch.add(
        "conv2d",
        [sketch.input],
        (4, 8, 8),
        parameters=3 * 4 * 9,
        multiply_adds=3 * 4 * 9 * 64,
        inputs=3,
        outputs=4,
        kernel=3,
    )
    sketch.add("relu", [x], (4, 8, 8))
    x = sketch.add("global_avg_pool", [x], (4,))
    return sketch, sketch.linear(x, 4, 2)


def test_costs_are_those_of_all_operations() -> None:
    sketch, _ = sketched()
    # 108 weights of the convolution, 4 * 2 + 2 of the linear map
    assert sketch.costs == {"parameters": 118.0, "multiply_adds": 6_912.0 + 8.0}
    # float32: 118 weights; 192 inputs, 256 twice, 4 means, 2 outputs
    assert sketch.memory == 4 * (118 + 192 + 256 + 256 + 4 + 2)


def test_the_graph_holds_what_leads_to_the_output_with_its_sizes() -> None:
    sketch, output = sketched()
    graph = sketch.graph(output)
    assert graph.labels == ("input", "conv2d", "global_avg_pool", "linear", "output")
    assert graph.features is not None
    row = dict(zip(FEATURES, graph.features[1], strict=True))
    assert row["kernel"] == pytest.approx(math.log1p(3))
    assert row["multiply_adds"] == pytest.approx(math.log1p(6_912))
    assert row["heads"] == 0.0


def test_an_operation_reads_a_source_twice_by_one_edge() -> None:
    sketch = Sketch((4,))
    assert sketch.graph(sketch.add("add", [sketch.input, sketch.input], (4,))).edges == (
        (0, 1),
        (1, 2),
    )


@pytest.mark.parametrize("source", [-1, 1, 7])
def test_a_source_has_to_be_there(source: int) -> None:
    with pytest.raises(InvalidGraph, match="only 0 to 0 exist yet"):
        Sketch((4,)).add("relu", [source], (4,))


def test_sizes_are_not_negative() -> None:
    sketch = Sketch((4,))
    with pytest.raises(InvalidGraph, match="must not be negative"):
        sketch.add("linear", [sketch.input], (2,), parameters=-1)


def test_a_convolution_brings_its_batch_norm() -> None:
    sketch = Sketch((4, 9, 9))
    x = sketch.convolution(sketch.input, 4, 4, 3, 2, groups=4)
    sketch.convolution(x, 4, 6, 1)
    depthwise, pointwise = sketch.operations[1:]
    assert (depthwise.label, depthwise.shape) == ("depthwise_conv2d", (4, 5, 5))
    assert depthwise.sizes["parameters"] == 9 * 4 + 2 * 4
    assert depthwise.sizes["multiply_adds"] == 9 * 4 * 25
    assert (pointwise.label, pointwise.shape) == ("conv2d", (6, 5, 5))
    assert pointwise.sizes["parameters"] == 4 * 6 + 2 * 6
