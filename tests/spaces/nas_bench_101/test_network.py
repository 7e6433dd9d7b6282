"""NAS-Bench-101 networks: widths, projections, and images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from built_networks import drawn
from small_nas_bench_101 import POOL, SMALL

from bonas.errors import InvalidData
from bonas.spaces.nas_bench_101.cell import Cell
from bonas.spaces.nas_bench_101.network import CellModule


def test_a_vertex_reads_the_first_channels_of_a_wider_one() -> None:
    # 1 -> 2 and 1 -> 3, all of them pools: 1 has 2 channels, 3 reads only the first of them.
    cell = Cell((POOL,) * 3, ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4)))
    module = CellModule(cell, 3, 3).eval()
    assert module.widths == [3, 2, 2, 1, 3]
    x = torch.randn(2, 3, 1, 1)  # of one pixel, so that a pool changes nothing
    first = module.projections["1"](x)
    assert torch.equal(module(x), torch.cat([first, first[:, :1]], dim=1))


def test_the_cell_s_input_is_added_to_the_output() -> None:
    cell = Cell((POOL,), ((0, 1), (0, 2), (1, 2)))
    module = CellModule(cell, 3, 5).eval()
    x = torch.randn(2, 3, 1, 1)
    expected = module.projections["1"](x) + module.projections["2"](x)
    assert torch.equal(module(x), expected)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 2, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = SMALL.build(drawn(SMALL, 0))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 1 x height x width"):
        network(torch.zeros(shape))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    space = replace(SMALL, in_channels=3)
    network = space.build(drawn(space, 0)).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))
