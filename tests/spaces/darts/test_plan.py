"""The plan of a network of DARTS cells: its sketch is what is built."""

from __future__ import annotations

from dataclasses import replace

import pytest
from built_networks import check_trains_at_its_costs, drawn, multiply_adds_of, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from bonas.spaces import Choices
from bonas.spaces.darts.cell import KERNELS, Design, Step
from bonas.spaces.darts.network import DARTSNetwork
from bonas.spaces.darts.plan import DARTSPlan, live_layers
from bonas.spaces.darts.space import DARTS_OPERATIONS, DARTSSpace


@st.composite
def spaces(draw: st.DrawFn) -> DARTSSpace:
    """Draw small spaces of any shape; ``none`` is often there, so that parts of cells are dead."""
    return DARTSSpace(
        draw(st.integers(1, 4)),
        operations=draw(
            st.sampled_from([DARTS_OPERATIONS, tuple(KERNELS), ("none", "skip_connect")])
        ),
        repeat_inputs=draw(st.booleans()),
        channels=draw(st.integers(1, 5)),
        cells=draw(st.integers(3, 7)),
        classes=draw(st.integers(1, 4)),
        in_channels=draw(st.sampled_from([1, 3])),
        image_size=draw(st.sampled_from([4, 7, 9])),
    )


@settings(max_examples=60)
@given(spaces(), seeds)
def test_every_network_trains_and_costs_what_its_sketch_says(space: DARTSSpace, seed: int) -> None:
    check_trains_at_its_costs(space, drawn(space, seed))


def test_the_costs_of_a_network_by_hand() -> None:
    # One state a cell, 2 channels, three cells, the last two reduce; images of 1 x 4 x 4.
    # Stem: 9*6 weights for 6 channels, and 12 of the norm.
    # Cell 1, 4 x 4: inputs 6 -> 2 twice, 12 + 4 each; a separable convolution, twice 18 + 4 + 4.
    # Cell 2, 4 channels: inputs 6 -> 4 and 2 -> 4, with 8 each; a skip to 2 x 2, 16 + 8.
    # Cell 3, 8 channels: inputs 2 -> 8 and 4 -> 8, with 16 each; a skip to 1 x 1, 64 + 16.
    # Head: 8*3 + 3.
    space = DARTSSpace(1, channels=2, cells=3, classes=3, in_channels=1, image_size=4)
    choices: Choices = {
        "normal_2_first": "sep_conv_3x3",
        "normal_2_second": "max_pool_3x3",
        "reduce_2_first": "skip_connect",
        "reduce_2_second": "avg_pool_3x3",
    }
    weights = [54, 24 + 2 * 22, 24 + 8, 16, 16 + 32, 64, 24]
    norms = [12, 8 + 8, 16 + 8, 32 + 16, 3]
    pixels = [16, 16, 16, 4, 4, 1, 1]
    assert space.costs(choices) == {
        "parameters": sum(weights) + sum(norms),
        "multiply_adds": sum(w * n for w, n in zip(weights, pixels, strict=True)),
    }


def test_the_graph_of_two_small_cells_by_hand() -> None:
    space = DARTSSpace(1, channels=2, cells=3, operations=("skip_connect", "sep_conv_3x3"))
    graph = space.graph(
        {
            "normal_2_first": "sep_conv_3x3",
            "normal_2_second": "skip_connect",
            "reduce_2_first": "skip_connect",
            "reduce_2_second": "skip_connect",
        }
    )
    cell = ["cell_input_0", "cell_input_1"]
    assert graph.labels == (
        *("input", "conv2d"),
        *(*cell, "sep_conv_3x3", "skip_connect", "add", "concat"),
        *(*cell, "skip_connect", "skip_connect", "add", "concat"),
        *("global_avg_pool", "linear", "output"),
    )
    inside = [(2, 4), (3, 5), (4, 6), (5, 6), (6, 7)]
    above = [(s + 6, t + 6) for s, t in inside]
    joints = [(0, 1), (1, 2), (1, 3), (7, 8), (7, 9), (13, 14), (14, 15), (15, 16)]
    assert graph.edges == tuple(sorted([*inside, *above, *joints]))


@pytest.mark.parametrize(("cells", "reductions"), [(3, (1, 2)), (8, (2, 5)), (20, (6, 13))])
def test_the_image_halves_and_the_width_doubles_at_one_and_two_thirds(
    cells: int, reductions: tuple[int, int]
) -> None:
    layers = replace(DARTSSpace(), cells=cells).plan(DARTSSpace().completed({})).layers()
    assert tuple(i for i, cell in enumerate(layers) if cell.reduces) == reductions
    assert [cell.width for cell in layers] == [
        16 * 2 ** sum(i >= r for r in reductions) for i in range(cells)
    ]
    assert layers[-1].output_size == 8


def test_what_nothing_reads_is_not_built() -> None:
    # Normal cells read the cell before the last only: of cells 0 to 4, 1 and 3 reduce, and the last
    # one reads 2, which reads 0. What a reduction cell is made of then makes no difference.
    space = DARTSSpace(1, operations=("skip_connect", "max_pool_3x3"), repeat_inputs=True, cells=5)
    past: list[Step] = [("skip_connect", 0), ("skip_connect", 0)]
    one, other = (
        space.from_genotype(normal=past, reduce=[(name, 0), (name, 1)])
        for name in ("skip_connect", "max_pool_3x3")
    )
    network = space.build(one)
    cells = network.get_submodule("cells")
    assert [name for name, _ in cells.named_children()] == ["0", "2", "4"]
    assert parameters_of(network) == space.costs(one)["parameters"]
    assert space.costs(one) == space.costs(other)
    assert space.architecture(one) == space.architecture(other)


def test_memory_counts_every_tensor_of_the_network_once() -> None:
    # Image 16, stem 6*16; cell 1: two inputs, pools, sum and concatenation of 2*16 each; cells 2
    # and 3 in the same way, with inputs before the halving; pool 8, classifier 3.
    space = DARTSSpace(1, channels=2, cells=3, classes=3, in_channels=1, image_size=4)
    choices = space.completed({})  # max pools only
    numbers = 16 + 96 + 6 * 32 + (2 * 64 + 4 * 16) + (2 * 32 + 4 * 8) + 8 + 3
    assert space.memory(choices) == 4 * (space.costs(choices)["parameters"] + numbers)


def test_a_layer_is_live_if_the_last_one_reads_it_by_hand() -> None:
    # Normal cells read the cell before the last alone; reduction cells (1 and 3) read both.
    past: Design = ((("skip_connect", 0), ("max_pool_3x3", 0)),)
    both: Design = ((("skip_connect", 0), ("skip_connect", 1)),)
    plan = DARTSPlan(past, both, 2, cells=5, classes=3, in_channels=1, image_size=8)
    assert plan.reductions == (1, 3)
    assert live_layers(plan.layers()) == [True, False, True, False, True]
    last_reads_both = replace(plan, normal=both)
    assert live_layers(last_reads_both.layers()) == [True] * 5


def test_a_plan_without_an_output_is_sketched_all_the_same() -> None:
    dead: Design = ((), ())
    live: Design = ((("skip_connect", 0),), ())
    plan = DARTSPlan(live, dead, 2, cells=3, classes=3, in_channels=1, image_size=8)
    assert not plan.has_output
    assert not replace(plan, normal=dead, reduction=live).has_output
    assert replace(plan, reduction=live).has_output
    assert plan.sketch()[0].costs["parameters"] > 0


def test_a_plan_is_built_without_its_space() -> None:
    steps: Design = ((("sep_conv_3x3", 0), ("dil_conv_5x5", 1)), (("skip_connect", 2),))
    plan = DARTSPlan(steps, steps, 2, cells=4, classes=3, in_channels=1, image_size=7)
    network, (sketch, _) = DARTSNetwork(plan), plan.sketch()
    assert parameters_of(network) == sketch.costs["parameters"]
    assert multiply_adds_of(network, 1, 7, 7) == sketch.costs["multiply_adds"]
