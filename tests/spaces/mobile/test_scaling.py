"""Compound scaling of a network that was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from built_networks import drawn, multiply_adds_of, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from small_mobile import SMALL, TINY

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.spaces import CellSpace, Choices
from bonas.spaces.mobile.scaling import ScaledNetwork, scale
from bonas.spaces.mobile.space import MobileSpace, Stage


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
    assert multiply_adds_of(built, *SMALL.input_shape) == network.costs["multiply_adds"]


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
