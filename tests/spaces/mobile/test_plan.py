"""The plan of a mobile network: its sketch is what is built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from built_networks import drawn, multiply_adds_of, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from small_mobile import TINY

from bonas.spaces import Choices
from bonas.spaces.mobile.network import MobileNetwork
from bonas.spaces.mobile.plan import Block, MobilePlan, StagePlan, rounded_channels
from bonas.spaces.mobile.space import MobileSpace, Stage


@st.composite
def spaces(draw: st.DrawFn) -> MobileSpace:
    """Draw small spaces of any shape."""

    def some(values: list[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)))

    stages = [
        Stage(some([4, 8, 12, 24]), stride=draw(st.sampled_from([1, 2])), depths=some([1, 2, 3]))
        for _ in range(draw(st.integers(1, 3)))
    ]
    return MobileSpace(
        [*stages, Stage((8, 16), depths=(1, 2))],
        kernels=some([1, 3, 5, 7]),
        expansions=some([1, 1.5, 2, 4]),
        squeeze_excite=some([False, True]),
        width_multipliers=some([0.5, 1.0, 1.4]),
        resolutions=draw(st.sampled_from([(), (6,), (5, 9)])),
        stem=draw(st.sampled_from([8, 16])),
        head=16,
        activation=draw(st.sampled_from(["hard_swish", "relu"])),
        classes=draw(st.integers(1, 4)),
        in_channels=draw(st.sampled_from([1, 3])),
        image_size=draw(st.sampled_from([5, 8, 33])),
    )


@settings(max_examples=200)
@given(spaces(), seeds)
def test_every_network_trains_and_has_the_parameters_of_its_sketch(
    space: MobileSpace, seed: int
) -> None:
    torch.manual_seed(0)
    choices = drawn(space, seed)
    network = space.build(choices)
    out = network(torch.randn(2, *space.input_shape))
    assert out.shape == (2, space.classes)
    assert parameters_of(network) == space.costs(choices)["parameters"]
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@settings(max_examples=50)
@given(spaces(), seeds)
def test_multiply_adds_are_those_that_torch_counts_in_a_run(space: MobileSpace, seed: int) -> None:
    choices = drawn(space, seed)
    network = space.build(choices)
    assert multiply_adds_of(network, *space.input_shape) == space.costs(choices)["multiply_adds"]


def test_the_costs_of_a_network_by_hand() -> None:
    # Images of 1 x 4 x 4, no halving. Stem: 9 weights for 8 channels, and 16 of the norm. Block,
    # 3 x 3, expansion 2, squeeze-excite to 8: 8*16 + 32, then 9*16 + 32, then 16*8 + 8 and
    # 8*16 + 16, then 16*8 + 16; it adds its input. Head: 64 + 16; classifier: 8*3 + 3.
    space = MobileSpace(
        [Stage((8, 16), depths=(1, 2))],
        kernels=(3,),
        expansions=(2,),
        squeeze_excite=(True,),
        stem=8,
        head=8,
        classes=3,
        in_channels=1,
        image_size=4,
    )
    choices: Choices = {"stage1_width": 8, "stage1_depth": 1}
    block = [8 * 16, 9 * 16, 16 * 8]
    parameters = (72 + 16) + (sum(block) + 32 + 32 + 16) + (256 + 8 + 16) + (64 + 16) + (24 + 3)
    assert space.costs(choices) == {
        "parameters": parameters,
        "multiply_adds": (72 + sum(block) + 64) * 16 + 256 + 24,
    }
    # Numbers for one image: itself, stem, three convolutions, squeeze-excite, sum, head, pool, out.
    numbers = 16 * (1 + 8 + 16 + 16 + 8 + 16 + 8 + 8) + 8 + 3
    assert space.memory(choices) == 4 * (parameters + numbers)
    assert space.graph(choices).labels == (
        "input",
        "conv2d",
        "conv2d",
        "depthwise_conv2d",
        "squeeze_excite",
        "conv2d",
        "add",
        "conv2d",
        "global_avg_pool",
        "linear",
        "output",
    )


def test_a_block_without_expansion_has_no_first_convolution_and_none_is_added_across_widths() -> (
    None
):
    space = replace(TINY, expansions=(1,))
    labels = space.graph({"stage1_width": 16, "stage1_depth": 1, "stage1_block1_kernel": 3}).labels
    assert labels[1:5] == ("conv2d", "depthwise_conv2d", "conv2d", "conv2d")
    assert "add" not in labels


@given(st.floats(0.1, 5_000.0))
def test_rounded_channels_are_multiples_of_8_that_take_little_away(channels: float) -> None:
    rounded = rounded_channels(channels)
    assert rounded % 8 == 0
    assert 0.9 * channels <= rounded <= max(8.0, channels + 8)


def plan(*stages: StagePlan, **others: Any) -> MobilePlan:
    """Return a plan on images of 3 x 8 x 8."""
    settings_: dict[str, Any] = {
        "stem": 8,
        "stem_stride": 1,
        "head": 16,
        "classes": 3,
        "in_channels": 3,
        "activation": "relu",
        "image_size": 8,
        "resolution": None,
        **others,
    }
    return MobilePlan(stages, **settings_)


STAGE = StagePlan(width=16, stride=2, squeeze_excite=False, blocks=((3, 2), (5, 1)))


def test_only_the_first_block_of_a_stage_has_its_stride_and_changes_the_width() -> None:
    first, second = plan(STAGE).blocks()
    assert first == Block(8, 16, 16, kernel=3, stride=2, squeeze_excite=False)
    assert second == Block(16, 16, 16, kernel=5, stride=1, squeeze_excite=False)
    assert (first.expands, first.residual) == (True, False)
    assert (second.expands, second.residual) == (False, True)


def test_a_resolution_resizes_the_image_before_anything_else() -> None:
    sketch, _ = plan(STAGE, resolution=6).sketch()
    assert [operation.label for operation in sketch.operations[:3]] == (
        ["input", "interpolate", "conv2d"]
    )
    assert [operation.shape for operation in sketch.operations[:3]] == (
        [(3, 8, 8), (3, 6, 6), (8, 6, 6)]
    )


def test_a_plan_is_built_without_its_space() -> None:
    whole = plan(STAGE, replace(STAGE, stride=1, squeeze_excite=True), resolution=6)
    network, (sketch, _) = MobileNetwork(whole), whole.sketch()
    assert parameters_of(network) == sketch.costs["parameters"]
    assert multiply_adds_of(network, 3, 8, 8) == sketch.costs["multiply_adds"]
