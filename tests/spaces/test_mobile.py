"""Mobile spaces: the networks they describe, bounds on their size, and scaling what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import interpolate
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import CellSpace, Choice, Choices, Sketch
from bonas.spaces.mobile.plan import rounded_channels
from bonas.spaces.mobile.scaling import ScaledNetwork, scale
from bonas.spaces.mobile.space import MobileSpace, Stage
from bonas.spaces.sized import SizedSpace

SMALL = MobileSpace.small()
TINY = MobileSpace(  # 2 widths, and kernels of 1 to 3 blocks
    [Stage((8, 16), depths=(1, 2, 3))],
    kernels=(3, 5),
    expansions=(2,),
    squeeze_excite=(False,),
    stem=8,
    head=8,
    image_size=4,
)
seeds = st.integers(0, 2**32 - 1)


def drawn(space: MobileSpace, seed: int) -> Choices:
    return space.sample(np.random.default_rng(seed))


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def flops_of(network: nn.Module, space: MobileSpace) -> float:
    """Of one image, as torch counts them."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(2, *space.input_shape))
    flops: int = counter.get_total_flops()
    return flops / 2


@st.composite
def spaces(draw: st.DrawFn) -> MobileSpace:
    """Small spaces of any shape."""

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
    assert flops_of(space.build(choices), space) == 2 * space.costs(choices)["multiply_adds"]


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


def test_the_defaults_search_what_the_class_says() -> None:
    names = list(MobileSpace([Stage((8, 16), depths=(1, 2))]).distributions)
    assert names == [
        "stage1_width",
        "stage1_squeeze_excite",
        "stage1_depth",
        "stage1_block1_kernel",
        "stage1_block1_expansion",
        "stage1_block2_kernel",
        "stage1_block2_expansion",
    ]
    several = replace(TINY, resolutions=(4, 8), width_multipliers=(1, 2))
    assert list(several.distributions)[:2] == ["resolution", "width_multiplier"]


def test_a_space_for_photographs_has_networks_of_the_size_of_mobilenets() -> None:
    # MobileNetV3-Large has 5.4 million parameters and 219 million multiply-adds.
    space = MobileSpace.imagenet()
    costs = [space.costs(drawn(space, seed)) for seed in range(20)]
    assert 2e6 < np.median([c["parameters"] for c in costs]) < 6e6
    assert 1e8 < np.median([c["multiply_adds"] for c in costs]) < 6e8
    choices = drawn(space, 0)
    with torch.device("meta"):
        assert space.build(choices)(torch.empty(2, *space.input_shape)).shape == (2, 1000)


def test_iteration_gives_every_combination_once() -> None:
    members = list(TINY)
    assert len(members) == 2 * (2 + 4 + 8)
    assert len({tuple(choices.items()) for choices in members}) == len(members)
    options = [d.choices for d in TINY.distributions.values()]
    raw = (dict(zip(TINY.distributions, values, strict=True)) for values in product(*options))
    assert [c for c in members if len(c) == 5] == [c for c in raw if TINY.completed(c) == c]


@given(seeds)
def test_the_parameters_of_a_block_apply_where_the_stage_has_it(seed: int) -> None:
    choices = drawn(SMALL, seed)
    for stage in (1, 2):
        kernels = [n for n in choices if n.startswith(f"stage{stage}_block") and "kernel" in n]
        assert len(kernels) == choices[f"stage{stage}_depth"]
    assert SMALL.completed(choices) == choices


def test_a_shallower_stage_drops_names_and_a_deeper_one_is_completed() -> None:
    deep: Choices = {
        "stage1_width": 16,
        "stage1_depth": 2,
        "stage1_block1_kernel": 5,
        "stage1_block2_kernel": 3,
    }
    shallow = TINY.completed({**deep, "stage1_depth": 1})
    assert shallow == {"stage1_width": 16, "stage1_depth": 1, "stage1_block1_kernel": 5}
    assert TINY.completed({**shallow, "stage1_depth": 2}) == deep
    assert TINY.completed({**deep, "heads": 4}) == deep


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage1_block3_kernel": 3}, r"missing \[\], unknown \['stage1_block3_kernel'\]"),
        ({"stage1_depth": 3}, r"missing \['stage1_block3_kernel'\], unknown \[\]"),
        ({"stage1_block1_kernel": 4}, r"'stage1_block1_kernel' must be one of \[3, 5\], got 4"),
    ],
)
def test_choices_that_do_not_belong_together_are_refused(change: Choices, message: str) -> None:
    choices = {**TINY.completed({"stage1_depth": 2}), **change}
    with pytest.raises(InvalidSpace, match=message):
        TINY.architecture(choices)


@settings(max_examples=20)
@given(seeds)
def test_neighbours_are_members_with_one_shared_parameter_changed(seed: int) -> None:
    choices = drawn(SMALL, seed)
    for near in SMALL.neighbours(choices):
        assert SMALL.completed(near) == near
        assert sum(near[name] != choices[name] for name in near.keys() & choices.keys()) == 1


def test_different_widths_are_different_architectures_unless_they_are_rounded_alike() -> None:
    space = replace(TINY, stages=[Stage((12, 16, 24), depths=(1, 2))])
    twelve, sixteen, more = (
        space.architecture(space.completed({"stage1_width": width})) for width in (12, 16, 24)
    )
    assert twelve == sixteen
    assert sixteen != more
    assert space.architecture(space.completed({})) == twelve


def test_an_optuna_trial_is_asked_for_the_parameters_that_apply_only() -> None:
    trial = optuna.trial.FixedTrial(
        {"stage1_width": 8, "stage1_depth": 1, "stage1_block1_kernel": 5, "stage1_block2_kernel": 3}
    )
    assert TINY.suggest(trial) == {
        "stage1_width": 8,
        "stage1_depth": 1,
        "stage1_block1_kernel": 5,
    }


def test_images_are_resized_to_the_resolution_that_is_chosen() -> None:
    space = replace(TINY, resolutions=(4, 8), in_channels=3)
    coarse, fine = ({**TINY.completed({}), "resolution": side} for side in (4, 8))
    assert space.costs(coarse)["parameters"] == space.costs(fine)["parameters"]
    assert space.costs(coarse)["multiply_adds"] < space.costs(fine)["multiply_adds"]
    network = space.build(fine).eval()
    image = torch.randn(2, 3, 4, 4)
    resized = interpolate(image, (8, 8), mode="bilinear", align_corners=False)
    assert torch.equal(network(image), network(resized))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    network = TINY.build(TINY.completed({})).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = TINY.build(TINY.completed({}))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 3 x height x width"):
        network(torch.zeros(shape))


def test_spaces_of_equal_settings_are_equal_and_described_alike() -> None:
    assert replace(TINY) == TINY
    assert hash(replace(TINY)) == hash(TINY)
    other = replace(TINY, stages=[Stage((8, 16), stride=2, depths=(1, 2, 3))])
    assert other.distributions == TINY.distributions
    assert other.describe() != TINY.describe()
    assert replace(TINY, max_params=5_000).describe() != TINY.describe()
    assert json.loads(json.dumps(TINY.describe()))["stages"] == [[[8, 16], 1, [1, 2, 3]]]


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "no stage": ({"stages": ()}, InvalidArgument, "stages must be a list of at least one .*Stage"),
    "one stage": ({"stages": Stage((8,))}, InvalidArgument, r"stages must be .* got Stage\("),
    "a number": ({"stages": [16]}, InvalidArgument, r"stages must be .* got \[16\]"),
    "an even kernel": ({"kernels": (3, 4)}, InvalidSpace, r"kernels must be odd.* got \[4\]"),
    "one kernel": ({"kernels": 3}, InvalidArgument, "kernels must be a sequence of options, got 3"),
    "no kernel": ({"kernels": ()}, InvalidArgument, "kernels must hold at least one option"),
    "no expansion": ({"expansions": (0,)}, InvalidArgument, "expansions must be positive .* got 0"),
    "a word": ({"expansions": ("a",)}, InvalidArgument, "expansions must be positive .* got 'a'"),
    "maybe": ({"squeeze_excite": (1,)}, InvalidArgument, "squeeze_excite must be True or .* got 1"),
    "half a pixel": ({"resolutions": (7.5,)}, InvalidArgument, "resolutions must be whole .* 7.5"),
    "no stem": ({"stem": 0}, InvalidArgument, "stem must be a whole number of at least 1, got 0"),
    "activation": ({"activation": "tanh"}, InvalidArgument, "unknown activation 'tanh'"),
    "no memory": (
        {"max_memory": 0},
        InvalidArgument,
        "max_memory must be a positive .* got 0; None",
    ),
    "a yes": ({"max_params": True}, InvalidArgument, "max_params must be .* got True"),
    "not a number": ({"max_flops": float("nan")}, InvalidArgument, "max_flops must be .* got nan"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    given_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        replace(TINY, **given_)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"widths": 8}, "the widths of a stage must be a sequence of options, got 8"),
        ({"widths": ()}, "the widths of a stage must hold at least one option"),
        ({"widths": (8,), "depths": (0,)}, "the depths of a stage must be whole .* got 0"),
        ({"widths": (8,), "stride": 0}, "the stride of a stage must be a whole .* got 0"),
    ],
)
def test_broken_stages_are_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Stage(**given_)


@dataclass(frozen=True)
class Counting(MobileSpace):
    """A mobile space that counts its sketches."""

    drawn: list[Choices] = field(default_factory=list, compare=False)

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        self.drawn.append(choices)
        return super().sketch(choices)


@settings(max_examples=150)
@given(
    seeds,
    st.none() | st.floats(6_000, 40_000),
    st.none() | st.floats(150_000, 600_000),
    st.none() | st.floats(43_000, 200_000),
)
def test_every_sample_and_every_neighbour_is_within_the_bounds(
    seed: int, params: float | None, flops: float | None, memory: float | None
) -> None:
    space = replace(SMALL, max_params=params, max_flops=flops, max_memory=memory)
    choices = drawn(space, seed)
    assert space.completed(choices) == choices
    for member in [choices, *space.neighbours(choices)]:
        assert space.costs(member)["parameters"] <= (params or np.inf)
        assert 2 * space.costs(member)["multiply_adds"] <= (flops or np.inf)
        assert space.memory(member) <= (memory or np.inf)


def test_sampling_under_a_bound_that_one_in_a_thousand_meets_is_no_search() -> None:
    space = Counting(max_params=52_000, drawn=[])
    rng = np.random.default_rng(0)
    free = MobileSpace()
    some = [free.costs(free.sample(rng))["parameters"] for _ in range(1_000)]
    assert sum(parameters <= 52_000 for parameters in some) <= 2
    space.sample(rng)  # which also finds out what is cheaper
    space.drawn.clear()
    members = [space.sample(rng) for _ in range(50)]
    assert len(space.drawn) < 50 * 60
    assert len({tuple(choices.items()) for choices in members}) > 40


def test_a_loose_bound_leaves_a_draw_as_it_is() -> None:
    loose = replace(SMALL, max_params=1e9)
    assert all(drawn(loose, seed) == drawn(SMALL, seed) for seed in range(20))


class Crossing(SizedSpace):
    """What is cheaper for one parameter depends on another: ``b`` counts up or down."""

    parameters: Mapping[str, Sequence[Choice]] = {"a": (0, 1), "b": range(9), "c": range(9)}

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        a, b, c = (int(str(value)) for value in choices.values())
        sketch = Sketch((1,))
        weights = (b if a else 8 - b) + 2 * c
        return sketch, sketch.add("linear", [sketch.input], (1,), parameters=weights)


def test_a_sample_depends_on_the_seed_and_not_on_what_was_sampled_before() -> None:
    used = Crossing(max_params=3)
    samples = [used.sample(np.random.default_rng(seed)) for seed in range(60)]
    fresh = [Crossing(max_params=3).sample(np.random.default_rng(seed)) for seed in range(60)]
    again = [used.sample(np.random.default_rng(seed)) for seed in reversed(range(60))]
    assert samples == fresh == again[::-1]
    assert len({tuple(choices.values()) for choices in samples}) > 8  # of the 12 that fit


class Even(MobileSpace):
    """A rule of its own beside the bounds: an even number of operations."""

    def is_valid(self, choices: Choices) -> bool:
        return super().is_valid(choices) and len(self.graph(choices)) % 2 == 0


@settings(max_examples=30)
@given(seeds, st.sampled_from([None, 5_000.0]))
def test_a_subclass_may_add_a_rule_of_its_own(seed: int, bound: float | None) -> None:
    space = Even(SMALL.stages, stem=8, head=8, max_params=bound)
    choices = drawn(space, seed)
    assert len(space.graph(choices)) % 2 == 0
    assert space.costs(choices)["parameters"] <= (bound or np.inf)


def test_a_bound_below_the_smallest_network_is_named_with_what_it_rejects() -> None:
    smallest = SMALL.costs(SMALL.completed({}))["parameters"]  # the first options are
    space = replace(SMALL, max_params=1_000, max_flops=1e9)
    with pytest.raises(
        InvalidSpace,
        match=r"no network of MobileSpace .* of 1,000 random draws max_params=1,000 rejects 1,000 "
        rf"\(the smallest network found has {smallest:,.0f}\) and max_flops=.* rejects 0 ",
    ):
        drawn(space, 0)


def found(space: MobileSpace, choices: Choices) -> Candidate:
    return Candidate(space, choices, optuna.trial.create_trial(value=0.0))


@settings(max_examples=50)
@given(seeds, st.floats(1, 2.5), st.floats(1, 2.5), st.floats(1, 2))
def test_a_scaled_network_is_no_smaller_and_costs_what_it_says(
    seed: int, depth: float, width: float, resolution: float
) -> None:
    choices = drawn(SMALL, seed)
    network = scale(found(SMALL, choices), depth=depth, width=width, resolution=resolution)
    for name, cost in SMALL.costs(choices).items():
        assert network.costs[name] >= cost
    assert network.memory >= SMALL.memory(choices)
    built = network.build()
    assert parameters_of(built) == network.costs["parameters"]
    assert flops_of(built, SMALL) == 2 * network.costs["multiply_adds"]


def test_scaling_by_hand() -> None:
    choices: Choices = {
        "stage1_width": 16,
        "stage1_depth": 2,
        "stage1_block1_kernel": 5,
        "stage1_block2_kernel": 3,
    }
    plan = scale(found(TINY, choices), depth=1.2, width=1.6, resolution=1.4).plan
    assert plan.stages[0].blocks == ((5, 2), (3, 2), (3, 2))  # ceil(1.2 x 2), like the last one
    assert (plan.stem, plan.stages[0].width, plan.head) == (16, 24, 16)  # 12.8, 25.6, 12.8
    assert plan.resolution == 6  # 1.4 x 4 = 5.6
    ten = replace(TINY, stages=[Stage((8, 16), depths=(10,))])
    longer = scale(found(ten, ten.completed({})), depth=1.1).plan
    assert len(longer.stages[0].blocks) == 11  # though 1.1 x 10 > 11 in floating point
    half = scale(found(TINY, choices), depth=0.5, width=0.5).plan
    assert half.stages[0].blocks == ((5, 2),)
    assert half.resolution is None


def test_scaling_by_one_changes_nothing() -> None:
    choices = drawn(SMALL, 0)
    same = scale(found(SMALL, choices))
    assert same.costs == SMALL.costs(choices)
    assert same.graph.canonical_hash == SMALL.graph(choices).canonical_hash


def test_a_compound_step_doubles_the_multiply_adds() -> None:
    # alpha beta^2 gamma^2 = 1.2 x 1.1^2 x 1.15^2 = 1.92; wide and deep, so that rounding is small.
    stages = [Stage((160, 320), depths=(10, 20)), Stage((320,), stride=2, depths=(10,))]
    space = MobileSpace(stages, stem=160, head=640, image_size=100)
    before = ScaledNetwork(space, space.completed({}))
    after = replace(before, depth=1.2, width=1.1, resolution=1.15)
    ratio = after.costs["multiply_adds"] / before.costs["multiply_adds"]
    assert ratio == pytest.approx(1.92, rel=0.06)


def test_networks_of_other_spaces_cannot_be_scaled() -> None:
    cell = CellSpace(nodes=2)
    candidate = Candidate(cell, cell.completed({}), optuna.trial.create_trial(value=0.0))
    with pytest.raises(InvalidArgument, match=r"only networks of a MobileSpace .* CellSpace"):
        scale(candidate)


@pytest.mark.parametrize("factor", [0, -1.0, float("inf"), True, "2"])
def test_broken_factors_are_refused(factor: Any) -> None:
    with pytest.raises(InvalidArgument, match="width must be a positive number, got"):
        scale(found(TINY, TINY.completed({})), width=factor)


def test_a_search_proposes_members_and_finds_small_ones() -> None:
    space = replace(SMALL, max_params=12_000)

    def evaluate(candidate: Candidate) -> dict[str, float]:
        costs = space.costs(space.architecture(candidate.choices).choices)
        return {"size": costs["parameters"], "work": -costs["multiply_adds"]}

    result = bonas.optimize(
        space,
        12,
        evaluate=evaluate,
        objectives={"size": "minimize", "work": "maximize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 12
    assert all(c.values["size"] <= 12_000 for c in result.front)
    assert scale(result.front[0], width=2).costs["parameters"] > result.front[0].values["size"]
