"""Cell networks: which operations run, and on which images."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
import torch
from built_networks import parameters_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bonas.errors import InvalidData
from bonas.spaces import (
    INPUT,
    OPERATIONS,
    OUTPUT,
    ArchitectureGraph,
    CellSpace,
    Choices,
    NASBench201,
)

SMALL = NASBench201(channels=4, cells=1)


def cells(space: CellSpace) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({name: st.sampled_from(space.operations) for name in space.edges})


def cell(space: CellSpace, operations: str) -> Choices:
    """Return choices from operations in the order of the edges, separated by spaces."""
    return dict(zip(space.edges, operations.split(), strict=True))


def test_a_cell_without_a_path_has_unjoined_ends_and_gives_zeros() -> None:
    choices = cell(SMALL, "nor_conv_3x3 none none none none nor_conv_3x3")
    assert SMALL.graph(choices) == ArchitectureGraph([INPUT, OUTPUT], [])
    dead = SMALL.build(choices).get_submodule("body.0")
    assert torch.equal(dead(torch.ones(1, 4, 2, 2)), torch.zeros(1, 4, 2, 2))


@settings(max_examples=10)
@given(cells(SMALL), st.sampled_from([1, 7, 16, 33]), st.sampled_from([1, 3]))
def test_every_network_takes_images_of_any_size_colour_or_grey(
    choices: Choices, size: int, channels: int
) -> None:
    torch.manual_seed(0)
    network = SMALL.build(choices)
    out = network(torch.randn(3, channels, size, size))
    out.square().sum().backward()
    assert out.shape == (3, 10)
    assert torch.isfinite(out).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_keeps_the_shape(operation: str) -> None:
    module = OPERATIONS[operation](4)
    x = torch.randn(2, 4, 5, 5)
    assert module is None or module(x).shape == x.shape
    assert (module is None) == (operation == "none")


def test_the_cell_is_the_sum_of_its_paths() -> None:
    # 0 -skip-> 1 -skip-> 2, 0 -skip-> 2: the cell doubles what it gets.
    space = CellSpace(nodes=3, channels=4, cells=1, stages=1)
    network = space.build(cell(space, "skip_connect skip_connect skip_connect"))
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(network.get_submodule("body.0")(x), 2 * x)


def test_a_dead_operation_is_built_but_neither_run_nor_trained() -> None:
    # 0 -conv3x3-> 1, and no edge leaves 1.
    choices = cell(SMALL, "nor_conv_3x3 nor_conv_1x1 none none none nor_conv_1x1")
    torch.manual_seed(0)
    network = SMALL.build(choices)
    assert parameters_of(network) == SMALL.costs(choices)["parameters"]
    x = torch.randn(4, 3, 8, 8)
    out: Tensor = network(x)
    out.square().sum().backward()
    dead = [p for name, p in network.named_parameters() if ".operations.0_1." in name]
    live = [p for name, p in network.named_parameters() if ".operations.0_1." not in name]
    assert len(dead) == 3 * 3  # a weight and two of the norm in each of three stages
    assert all(p.grad is None for p in dead)
    assert all(p.grad is not None for p in live)

    with torch.no_grad():
        for p in dead:
            p.fill_(float("nan"))
    assert torch.equal(network(x), out)


@settings(max_examples=10)
@given(cells(SMALL))
def test_a_parameter_gets_a_gradient_exactly_when_its_edge_is_live(choices: Choices) -> None:
    torch.manual_seed(0)
    network = SMALL.build(choices)
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    used = {
        name.split(".operations.")[1].split(".")[0]
        for name, p in network.named_parameters()
        if ".operations." in name and p.grad is not None
    }
    paths = [[0, *between, 3] for size in range(3) for between in combinations((1, 2), size)]
    live = {
        f"{s}_{t}"
        for path in paths
        for s, t in pairwise(path)
        if all(choices[f"edge_{a}_{b}"] != "none" for a, b in pairwise(path))
        and "conv" in str(choices[f"edge_{s}_{t}"])
    }
    assert used == live


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8), (2, 4, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = SMALL.build(dict.fromkeys(SMALL.edges, "skip_connect"))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 3 x height x width"):
        network(torch.zeros(shape))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    torch.manual_seed(0)
    network = SMALL.build(dict.fromkeys(SMALL.edges, "nor_conv_3x3")).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))
