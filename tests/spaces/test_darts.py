"""DARTS spaces: their cells, the networks they build, and the numbers published for them."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.darts.cell import KERNELS, Step
from bonas.spaces.darts.network import Cell, FactorizedReduction, operation
from bonas.spaces.darts.space import DARTS_OPERATIONS, DARTSSpace

Genotype = dict[str, list[Step]]

SMALL = DARTSSpace.small()
FINAL = DARTSSpace(channels=36, cells=20)  # what DARTS trained at last
WHOLE = replace(FINAL, operations=tuple(KERNELS), repeat_inputs=True)
TINY = replace(SMALL, channels=4, nodes=3)
SECOND_ORDER: Genotype = {  # found by DARTS, printed in figures 4 and 5 of the paper
    "normal": [
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1),
        ("skip_connect", 0),
        ("skip_connect", 0),
        ("dil_conv_3x3", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0),
        ("max_pool_3x3", 1),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
        ("max_pool_3x3", 0),
        ("skip_connect", 2),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
    ],
}
seeds = st.integers(0, 2**32 - 1)

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared"))
TABLE = SHARED / "data" / "darts_samples.npz"
needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"no {TABLE.name} in data/ of $BONAS_SHARED or ../shared"
)


def drawn(space: DARTSSpace, seed: int) -> Choices:
    return space.sample(np.random.default_rng(seed))


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@st.composite
def spaces(draw: st.DrawFn) -> DARTSSpace:
    """Small spaces of any shape; ``none`` is often there, so that parts of cells are dead."""
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
    torch.manual_seed(0)
    choices = drawn(space, seed)
    network, costs = space.build(choices), space.costs(choices)
    counter = FlopCounterMode(display=False)
    with counter:
        out = network(torch.randn(2, *space.input_shape))
    assert out.shape == (2, space.classes)
    assert parameters_of(network) == costs["parameters"]
    assert counter.get_total_flops() == 2 * 2 * costs["multiply_adds"]
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


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


def test_a_space_of_four_states_has_the_choices_of_darts() -> None:
    space = DARTSSpace()
    assert len(space.distributions) == 2 * (4 * 2 + 3)  # state 2 can only read 0 and 1
    assert space.size == (1 * 3 * 6 * 10 * 7**8) ** 2
    assert space.distributions["reduce_4_inputs"].choices == (
        *("0+1", "0+2", "0+3"),
        *("1+2", "1+3", "2+3"),
    )
    assert replace(space, repeat_inputs=True).distributions["normal_2_inputs"].choices == (
        *("0+0", "0+1", "1+1"),
    )


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


def test_the_network_of_darts_has_its_published_parameters() -> None:
    choices = FINAL.from_genotype(**SECOND_ORDER)
    assert FINAL.costs(choices)["parameters"] == 3_349_342  # 3.3 million in the paper
    assert parameters_of(FINAL.build(choices)) == 3_349_342


@settings(max_examples=50)
@given(seeds, st.booleans())
def test_a_genotype_gives_the_choices_back(seed: int, repeat: bool) -> None:
    space = replace(WHOLE, repeat_inputs=repeat)
    choices = drawn(space, seed)
    genotype = space.genotype(choices)
    assert list(map(len, genotype.values())) == [8, 8]
    back = space.from_genotype(normal=genotype["normal"], reduce=genotype["reduce"])
    assert back == choices
    assert list(back) == list(choices)
    assert space.architecture(back) == space.architecture(choices)


@settings(max_examples=30)
@given(seeds, st.lists(st.booleans(), min_size=8, max_size=8))
def test_swapped_inputs_are_one_architecture(seed: int, swaps: list[bool]) -> None:
    choices = drawn(WHOLE, seed)
    genotype = WHOLE.genotype(choices)
    for k, (kind, swap) in enumerate(zip(["normal", "reduce"] * 4, swaps, strict=True)):
        if swap:
            steps, i = genotype[kind], 2 * (k // 2)
            steps[i : i + 2] = steps[i : i + 2][::-1]
    swapped = WHOLE.from_genotype(normal=genotype["normal"], reduce=genotype["reduce"])
    assert WHOLE.architecture(swapped) == WHOLE.architecture(choices)
    assert WHOLE.costs(swapped) == WHOLE.costs(choices)


def test_states_may_be_made_in_another_order() -> None:
    # States 2 and 3 both read 0 and 1 only, 4 reads 2 and 3.
    def cell(a: str, b: str, c: str, d: str) -> list[Step]:
        return [(a, 0), (b, 1), (c, 0), (d, 1), ("max_pool_3x3", 2), ("skip_connect", 3)]

    other = cell("sep_conv_3x3", "skip_connect", "dil_conv_5x5", "max_pool_3x3")
    one = cell("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3")
    two = cell("sep_conv_5x5", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
    two[4:] = [("skip_connect", 2), ("max_pool_3x3", 3)]
    a, b, c = (
        TINY.architecture(TINY.from_genotype(normal=normal, reduce=other))
        for normal in (one, two, cell("sep_conv_3x3", "skip_connect", *("sep_conv_5x5",) * 2))
    )
    assert a == b
    assert a != c


def test_the_two_inputs_of_a_cell_are_told_apart() -> None:
    space = DARTSSpace(1, operations=("skip_connect", "sep_conv_3x3"))
    skips: list[Step] = [("skip_connect", 0), ("skip_connect", 1)]
    one, other = (
        space.architecture(space.from_genotype(normal=[(a, 0), (b, 1)], reduce=skips))
        for a, b in (space.operations, reversed(space.operations))
    )
    assert one != other


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


def test_none_brings_zeros() -> None:
    # State 2 has nothing to read, so that what reads it brings nothing either.
    space = DARTSSpace(2, operations=tuple(KERNELS), channels=2, cells=3)
    cell: list[Step] = [("none", 0), ("none", 1), ("sep_conv_3x3", 2), ("skip_connect", 1)]
    choices = space.from_genotype(normal=cell, reduce=cell)
    plan = space.plan(choices).layers()[0]
    assert plan.design == ((), (("skip_connect", 1),))
    out = Cell(plan)(torch.randn(2, 6, 4, 4), torch.randn(2, 6, 4, 4))
    assert out.shape == (2, 4, 4, 4)
    assert torch.equal(out[:, :2], torch.zeros(2, 2, 4, 4))
    assert out[:, 2:].abs().sum() > 0
    assert "sep_conv_3x3" not in space.graph(choices).labels


def test_a_cell_of_none_is_not_valid() -> None:
    space = DARTSSpace(1, operations=("none", "skip_connect"))
    dead: list[Step] = [("none", 0), ("none", 1)]
    live: list[Step] = [("none", 0), ("skip_connect", 1)]
    for normal, reduction in ((dead, live), (live, dead)):
        choices = space.from_genotype(normal=normal, reduce=reduction)
        assert not space.is_valid(choices)
        with pytest.raises(InvalidSpace, match="a cell whose operations are all none"):
            space.build(choices)
    assert sum(1 for _ in space) == 3 * 3


def test_a_cell_sums_what_its_states_read_by_hand() -> None:
    # Cells of skips: state 2 = 0 + 1, state 3 = 0 + 2; so the output is (a + b, 2a + b).
    space = DARTSSpace(2, operations=("skip_connect", "max_pool_3x3"), channels=3, cells=3)
    steps: list[Step] = [("skip_connect", i) for i in (0, 1, 0, 2)]
    cell = Cell(space.plan(space.from_genotype(normal=steps, reduce=steps)).layers()[0]).eval()
    x0, x1 = torch.randn(2, 1, 9, 4, 4)
    a, b = cell.inputs["0"](x0), cell.inputs["1"](x1)
    torch.testing.assert_close(cell(x0, x1), torch.cat([a + b, a + a + b], dim=1))


@pytest.mark.parametrize("name", DARTS_OPERATIONS)
@pytest.mark.parametrize(("stride", "size", "halved"), [(1, 5, 5), (2, 5, 3), (2, 4, 2), (2, 1, 1)])
def test_every_operation_gives_the_shape_it_should(
    name: str, stride: int, size: int, halved: int
) -> None:
    out = operation(name, 3, stride)(torch.randn(2, 3, size, size))
    assert out.shape == (2, 3, halved, halved)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("sep_conv_3x3", [-2, -1, 0, 1, 2]),  # two convolutions, one after the other
        ("sep_conv_5x5", [-4, -3, -2, -1, 0, 1, 2, 3, 4]),
        ("dil_conv_3x3", [-2, 0, 2]),
        ("dil_conv_5x5", [-4, -2, 0, 2, 4]),
    ],
)
def test_convolutions_look_as_far_as_their_names_say(name: str, read: list[int]) -> None:
    x = torch.ones(1, 1, 9, 9, requires_grad=True)
    module = operation(name, 1, 1).eval()
    for p in module.parameters():
        p.data.fill_(1.0)  # so that every activation is positive
    module(x)[0, 0, 4, 4].backward()
    assert x.grad is not None
    assert (x.grad[0, 0, 4].nonzero().flatten() - 4).tolist() == read


def test_a_factorized_reduction_reads_even_and_odd_pixels() -> None:
    module = FactorizedReduction(1, 2).eval()
    module.even.weight.data.fill_(1.0)
    module.odd.weight.data.fill_(1.0)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = torch.tensor([[[0.0, 2.0], [8.0, 10.0]], [[5.0, 7.0], [13.0, 15.0]]])
    torch.testing.assert_close(module(image)[0], expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=30)
@given(seeds, st.floats(5_000, 12_000))
def test_samples_and_neighbours_are_within_the_bounds(seed: int, bound: float) -> None:
    space = replace(SMALL, max_params=bound)
    choices = drawn(space, seed)
    near = list(space.neighbours(choices))
    for member in [choices, *near[::5]]:
        assert space.completed(member) == member
        assert parameters_of(space.build(member)) <= bound


def test_memory_counts_every_tensor_of_the_network_once() -> None:
    # Image 16, stem 6*16; cell 1: two inputs, pools, sum and concatenation of 2*16 each; cells 2
    # and 3 in the same way, with inputs before the halving; pool 8, classifier 3.
    space = DARTSSpace(1, channels=2, cells=3, classes=3, in_channels=1, image_size=4)
    choices = space.completed({})  # max pools only
    numbers = 16 + 96 + 6 * 32 + (2 * 64 + 4 * 16) + (2 * 32 + 4 * 8) + 8 + 3
    assert space.memory(choices) == 4 * (space.costs(choices)["parameters"] + numbers)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 2, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = SMALL.build(SMALL.completed({}))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 1 x height x width"):
        network(torch.zeros(shape))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    space = replace(SMALL, in_channels=3)
    network = space.build(drawn(space, 0)).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "no state": (
        {"nodes": 0},
        InvalidArgument,
        "nodes must be a whole .* at least 1, got 0",
    ),
    "no channel": ({"channels": 0}, InvalidArgument, "channels must be .* got 0"),
    "two cells": ({"cells": 2}, InvalidSpace, "cells must be at least 3, .* got 2"),
    "a word": ({"image_size": "32"}, InvalidArgument, "image_size must be .* got '32'"),
    "a number": (
        {"repeat_inputs": 1},
        InvalidArgument,
        "repeat_inputs must be True or .* got 1",
    ),
    "no operation": ({"operations": ()}, InvalidArgument, "operations must hold at least one"),
    "unknown": ({"operations": ("conv",)}, InvalidArgument, "unknown name .* 'conv'"),
    "no parameter": ({"max_params": 0}, InvalidArgument, "max_params must be a positive number"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    given_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        replace(SMALL, **given_)


BAD_CELLS: dict[str, tuple[Any, type[BonasError], str]] = {
    "too few": ([("skip_connect", 0)] * 3, InvalidArgument, "normal must hold 4 pairs .* got 3"),
    "no pairs": (["skip_connect"] * 4, InvalidArgument, "normal must be a list of pairs"),
    "unknown": (
        [("skip_connect", 0), ("conv", 1)] * 2,
        InvalidSpace,
        "normal_2_second must be one of .* got 'conv'",
    ),
    "a later state": (
        [("skip_connect", 0), ("skip_connect", 2)] * 2,
        InvalidSpace,
        r"normal_2_inputs must be one of \['0\+1'\], got '0\+2'",
    ),
    "twice": (
        [("skip_connect", 1), ("skip_connect", 1)] * 2,
        InvalidSpace,
        r"got '1\+1'; change operations or repeat_inputs",
    ),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_broken_genotypes_are_refused(case: str) -> None:
    steps, error, message = BAD_CELLS[case]
    with pytest.raises(error, match=message):
        SMALL.from_genotype(normal=steps, reduce=[("skip_connect", 0), ("skip_connect", 1)] * 2)


def test_spaces_of_equal_settings_are_equal_and_described_alike() -> None:
    assert replace(SMALL) == SMALL
    assert hash(replace(SMALL)) == hash(SMALL)
    assert replace(SMALL).describe() == SMALL.describe()
    assert replace(SMALL, cells=4).describe() != SMALL.describe()


@cache
def table() -> dict[str, npt.NDArray[Any]]:
    with np.load(TABLE) as archive:
        return dict(archive)


def table_cells(source: str, row: int) -> Genotype:
    names = [str(name) for name in table()["op_names"]]
    cells = table()[f"{source}_genotype"][row]
    return {
        kind: [(names[operation], int(state)) for operation, state in cell]
        for kind, cell in zip(("normal", "reduce"), cells, strict=True)
    }


@needs_table
def test_the_parameters_of_measured_networks_are_those_that_were_reported() -> None:
    # Rows with none are left out: their networks held parameters that nothing reads.
    rows = [
        row for row, cells in enumerate(table()["once_genotype"]) if not (cells[:, :, 0] == 0).any()
    ]
    costs = [FINAL.costs(FINAL.from_genotype(**table_cells("once", row))) for row in rows]
    assert len(rows) == 186
    np.testing.assert_allclose(
        [1e-6 * cost["parameters"] for cost in costs],
        table()["once_value"][rows, 1],
        rtol=1e-6,  # they were stored in single precision
    )


@needs_table
@pytest.mark.parametrize("source", ["swap", "once"])
def test_every_row_is_read_and_written_again(source: str) -> None:
    for row in range(len(table()[f"{source}_genotype"])):
        cells = table_cells(source, row)
        back = WHOLE.genotype(WHOLE.from_genotype(**cells))
        for kind, steps in cells.items():
            pairs = zip(steps[::2], steps[1::2], strict=True)
            assert back[kind] == [step for two in pairs for step in sorted(two, key=lambda s: s[1])]


def test_a_search_finds_small_networks() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        costs = SMALL.costs(SMALL.architecture(candidate.choices).choices)
        return {"size": costs["parameters"], "work": -costs["multiply_adds"]}

    result = bonas.optimize(
        SMALL,
        6,
        evaluate=evaluate,
        objectives={"size": "minimize", "work": "maximize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 6
    assert result.front
