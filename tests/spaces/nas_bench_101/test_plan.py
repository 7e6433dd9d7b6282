"""The plan of a NAS-Bench-101 network: its sketch is what is built."""

from __future__ import annotations

from dataclasses import replace

from built_networks import check_trains_at_its_costs, drawn, multiply_adds_of, parameters_of, seeds
from hypothesis import given, settings
from small_nas_bench_101 import C3, FOUR, POOL, matrix_of, spaces

from bonas.spaces.nas_bench_101.cell import Cell
from bonas.spaces.nas_bench_101.network import NASBench101Network
from bonas.spaces.nas_bench_101.plan import NASBench101Plan
from bonas.spaces.nas_bench_101.space import NASBench101Space


@settings(max_examples=100)
@given(spaces(), seeds)
def test_every_network_trains_and_costs_what_its_sketch_says(
    space: NASBench101Space, seed: int
) -> None:
    check_trains_at_its_costs(space, drawn(space, seed))


def test_the_costs_of_a_network_by_hand() -> None:
    # Images of 1 x 3 x 3, 4 channels; one stack of one cell, 3 classes. Vertices 1 and 2 go to the
    # output, so each has 2 channels; 1 reads the input, 2 reads 1; the output reads the input too.
    # Stem: 9*4 weights, 8 of the norm. Input to 1: 4*2 + 4; its convolution: 9*2*2 + 4. Vertex 2
    # pools. Input to output: 4*4 + 8. Head: 4*3 + 3.
    space = replace(FOUR, channels=4, stacks=1, classes=3, image_size=3)
    edges = {(0, 1), (1, 2), (1, 3), (2, 3), (0, 3)}
    choices = space.from_matrix(matrix_of(4, edges), ["input", C3, POOL, "output"])
    parameters = (36 + 8) + (8 + 4) + (36 + 4) + (16 + 8) + (12 + 3)
    assert space.costs(choices) == {
        "parameters": parameters,
        "multiply_adds": (36 + 8 + 36 + 16) * 9 + 12,
    }
    # Numbers for one image: itself; stem; projection, convolution, pool; side by side; projection
    # and sum; pool; classifier.
    numbers = 9 * (1 + 4 + 2 + 2 + 2 + 4 + 4 + 4) + 4 + 3
    assert space.memory(choices) == 4 * (parameters + numbers)


DIAMOND = Cell((C3, POOL), ((0, 1), (0, 2), (1, 3), (2, 3)))
PLAN = NASBench101Plan(
    DIAMOND, channels=4, cells=2, stacks=3, classes=3, in_channels=1, image_size=5
)


def test_a_plan_is_built_without_its_space() -> None:
    network, (sketch, _) = NASBench101Network(PLAN), PLAN.sketch()
    assert parameters_of(network) == sketch.costs["parameters"]
    assert multiply_adds_of(network, 1, 5, 5) == sketch.costs["multiply_adds"]


def test_stacks_double_the_width_and_halve_the_image() -> None:
    assert PLAN.widths == [4, 8, 16]
    sketch, _ = PLAN.sketch()
    halved = [
        operation.shape
        for operation in sketch.operations
        if operation.label == "max_pool" and operation.sizes["stride"] == 2
    ]
    assert halved == [(4, 3, 3), (8, 2, 2)]


def test_the_graph_is_that_of_one_cell_and_has_no_sizes() -> None:
    graph = PLAN.graph()
    assert graph.labels == ("input", C3, POOL, "output")
    assert graph.features is None
    assert graph == replace(PLAN, channels=8, cells=1).graph()


def test_a_cell_without_a_path_is_sketched_as_zeros() -> None:
    sketch, output = replace(PLAN, cell=Cell((), ())).sketch()
    assert [operation.label for operation in sketch.operations].count("zeros") == 6
    assert not sketch.graph(output).live()
