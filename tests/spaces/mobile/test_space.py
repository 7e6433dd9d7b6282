"""Mobile spaces: their parameters, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from built_networks import drawn, seeds
from hypothesis import given, settings
from small_mobile import SMALL, TINY

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.mobile.scaling import scale
from bonas.spaces.mobile.space import MobileSpace, Stage


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
