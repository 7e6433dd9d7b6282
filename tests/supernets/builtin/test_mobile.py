"""The weights that mobile networks share: by stage, block and role."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_supernets import (
    SPACES,
    drawn,
    is_the_larger_without_the_rest,
    pieces_of,
    randomised,
    slots_of,
    weight_of,
)

from bonas.spaces import Choices, MobileSpace, Stage
from bonas.supernets import Supernet

_SPACE = MobileSpace(
    (Stage((8, 16), stride=2, depths=(1, 2, 3)), Stage((16, 24), stride=2, depths=(1, 2))),
    kernels=(3, 5, 7),
    expansions=(2, 4),
    width_multipliers=(1.0, 2.0),
    head=16,
    in_channels=1,
    image_size=8,
)
_LARGEST = {name: max(options) for name, options in _SPACE.parameters.items()}


def _smallest(**larger: Any) -> Choices:
    """Return the smallest network, except for some choices."""
    depths = {"stage1_depth": 1, "stage2_depth": 1}
    return _SPACE.completed({**depths, **larger})


@pytest.mark.parametrize(
    "larger",
    [
        {"stage1_width": 16},
        {"stage2_width": 24},
        {"stage1_block1_kernel": 7},
        {"stage1_block1_expansion": 4},
        {"stage1_depth": 3},
        {"stage2_depth": 2},
        {"width_multiplier": 2.0},
        {"stage1_width": 16, "stage1_block1_expansion": 4, "stage1_depth": 2},
        {"stage1_squeeze_excite": True, "stage1_block1_expansion": 4},
    ],
    ids=str,
)
def test_a_smaller_network_is_a_larger_one_without_the_rest(larger: dict[str, Any]) -> None:
    """Set the weights to zero that the smaller one lacks: further channels, pixels and blocks."""
    kept = {name: value for name, value in larger.items() if value is True}
    assert is_the_larger_without_the_rest(_SPACE, _smallest(**kept), _smallest(**larger))


def test_a_kernel_is_the_centre_of_a_larger_one() -> None:
    supernet, weights = Supernet(_SPACE), {}
    for kernel in (7, 3, 5):
        network: Any = supernet.network(_smallest(stage1_block1_kernel=kernel))
        weights[kernel] = network.body[0].layers[2][0].weight
        assert weights[kernel].shape == (32, 1, kernel, kernel)
    assert torch.equal(weights[3], weights[7][:, :, 2:5, 2:5])
    assert torch.equal(weights[5], weights[7][:, :, 1:6, 1:6])


def test_the_largest_network_reads_every_number() -> None:
    supernet = Supernet(_SPACE)
    for choices in (_smallest(), _LARGEST):
        supernet.cover(choices)
    shapes = {piece.key: piece.shape for piece in pieces_of(_SPACE, _LARGEST)}
    assert shapes == {key: tuple(supernet.store[key].shape) for key in supernet.store}


def test_blocks_of_a_stage_share_with_those_of_a_deeper_one_and_with_no_other() -> None:
    supernet = randomised(Supernet(_SPACE), [_LARGEST])
    one, two = (supernet.network(_smallest(stage1_depth=depth)) for depth in (1, 2))
    first, last = (weight_of(network, "body.0.layers.0.0.weight") for network in (one, two))
    assert first.data_ptr() == last.data_ptr()
    # the second block of the network is the first one of stage 2, or the second one of stage 1
    assert [
        slots_of(_SPACE, _smallest(stage1_depth=depth))["body.1.layers.0.0.weight"].pieces[0].key
        for depth in (1, 2)
    ] == ["stage2.block1.expand.convolution.weight", "stage1.block2.expand.convolution.weight"]


def test_a_block_without_expansion_shares_no_role_with_one_that_expands() -> None:
    space = SPACES["mobile, with and without expansion"]
    keys = {
        expansion: {
            piece.key
            for piece in pieces_of(space, space.completed({"stage1_block1_expansion": expansion}))
            if "stage1.block1" in piece.key
        }
        for expansion in (1, 2)
    }
    assert not keys[1] & keys[2]
    assert len(keys[1]) == len(keys[2]) - 3  # the first convolution and its norm


def test_there_is_a_tensor_per_block_and_role() -> None:
    """Count 13 tensors per block: 3 convolutions with norms, and a squeeze-excite of 4."""
    space = SPACES["mobile"]
    supernet = Supernet(space)
    for choices in drawn("mobile"):
        supernet.cover(choices)
    assert len(supernet.store) == 2 * 2 * 13 + 3 + 5


def test_the_store_is_as_large_as_the_largest_network() -> None:
    space = replace(MobileSpace.small(), squeeze_excite=(True,))
    supernet = Supernet(space)
    supernet.cover({name: max(options) for name, options in space.parameters.items()})
    largest = space.costs({name: max(options) for name, options in space.parameters.items()})
    for choices in drawn("mobile"):
        supernet.cover({k: v for k, v in choices.items() if k in space.parameters})
    assert supernet.store.bytes == 4 * largest["parameters"]
