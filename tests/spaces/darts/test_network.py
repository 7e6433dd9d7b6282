"""DARTS networks: operations and cells as the paper describes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from built_networks import drawn

from bonas.errors import InvalidData
from bonas.spaces.darts.cell import KERNELS, Step
from bonas.spaces.darts.network import Cell, FactorizedReduction, operation
from bonas.spaces.darts.space import DARTS_OPERATIONS, DARTSSpace

SMALL = DARTSSpace.small()


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
