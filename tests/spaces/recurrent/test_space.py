"""Recurrent spaces: their parameters, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.recurrent.space import RecurrentSpace

SMALL = RecurrentSpace(inputs=3, length=4, classes=2, widths=(4, 5))


ALL = list(SMALL)


def choices_of(cell: str, **others: object) -> Choices:
    return SMALL.completed({"cell": cell, **others})  # type: ignore[dict-item]  # plain values


def test_the_space_holds_each_combination_once() -> None:
    # 4 cells x 2 widths x 2 directions, with depth 1, or depth 2 or 3 times residual and norm
    assert len(ALL) == 16 * (1 + 2 * 2 * 2)
    assert len({tuple(choices.items()) for choices in ALL}) == len(ALL)
    assert SMALL.members is not None
    assert len(SMALL.members) == len(ALL)


def test_what_lies_between_layers_needs_two_of_them() -> None:
    assert set(choices_of("gru")) == {"cell", "depth", "width", "bidirectional"}
    whole = choices_of("gru", depth=2)
    assert set(whole) == {*choices_of("gru"), "residual", "layer_norm"}
    with pytest.raises(InvalidSpace, match=r"unknown \['layer_norm', 'residual'\]"):
        SMALL.architecture({**whole, "depth": 1})
    with pytest.raises(InvalidSpace, match=r"missing \['layer_norm', 'residual'\]"):
        SMALL.architecture({**choices_of("gru"), "depth": 2})
    fewer = [other for other in SMALL.neighbours(whole) if other["depth"] == 1]
    assert fewer == [choices_of("gru")]


def test_a_space_of_one_layer_has_nothing_between() -> None:
    space = RecurrentSpace(depths=(1,))
    assert list(space.parameters) == ["cell", "width", "bidirectional"]
    assert len(list(space)) == space.size == 4 * 3 * 2


def test_networks_of_different_choices_have_different_graphs() -> None:
    assert len({SMALL.graph(choices).canonical_hash for choices in ALL}) == len(ALL)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_samples_keep_within_the_bounds(seed: int) -> None:
    space = RecurrentSpace(max_params=9_000, max_flops=200_000)
    choices = space.sample(np.random.default_rng(seed))
    costs = space.costs(choices)
    assert costs["parameters"] <= 9_000
    assert 2 * costs["multiply_adds"] <= 200_000


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "no input": ({"inputs": 0}, InvalidArgument, "inputs must be a whole number .* got 0"),
    "half a step": ({"length": 1.5}, InvalidArgument, "length must be a whole number .* got 1.5"),
    "unknown cell": ({"cells": ["sru"]}, InvalidArgument, "unknown .* 'sru'; expected one of 'gru"),
    "no width": ({"widths": ()}, InvalidArgument, "widths must hold at least one option"),
    "no depth": ({"depths": (0, 1)}, InvalidArgument, "depths must be whole numbers .* got 0"),
    "perhaps": ({"residual": ("maybe",)}, InvalidArgument, "residual must be True or False"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    settings_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        RecurrentSpace(**settings_)


def test_a_search_runs_on_the_space() -> None:
    def sizes(candidate: Candidate) -> dict[str, float]:
        return candidate.space.costs(candidate.choices)

    goals = {"parameters": "minimize", "multiply_adds": "maximize"}
    result = bonas.optimize(
        SMALL,
        6,
        evaluate=sizes,
        objectives=goals,  # type: ignore[arg-type]  # plain words
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 6
    assert all(candidate.build() is not None for candidate in result.front)
