"""Perceptron spaces: their parameters, dropout, and what is refused."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from built_networks import drawn, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces.mlp.space import MLPSpace

SPACE = MLPSpace(6, 3, widths=(4, 6, 8), depths=(1, 2, 3))


def test_where_no_widths_agree_a_residual_network_is_the_plain_one() -> None:
    plain, same, other = (
        SPACE.architecture(SPACE.completed({"residual": add, "layer1_width": width}))
        for add, width in ((False, 4), (True, 4), (True, 6))
    )
    assert plain == same
    assert plain != other
    assert SPACE.architecture(SPACE.completed({"layer1_width": 6})) != other


@given(seeds)
def test_the_width_of_a_layer_applies_where_there_is_the_layer(seed: int) -> None:
    choices = drawn(SPACE, seed)
    assert sum("width" in name for name in choices) == choices["depth"]
    assert SPACE.completed(choices) == choices
    for near in SPACE.neighbours(choices):
        assert SPACE.architecture(near).choices == near


def test_iteration_gives_every_combination_once() -> None:
    members = list(SPACE)
    assert len(members) == 3 * 3 * 2 * (3 + 9 + 27)
    assert len({tuple(choices.items()) for choices in members}) == len(members)


def test_the_width_of_a_missing_layer_is_refused() -> None:
    choices = {**SPACE.completed({"depth": 1}), "layer2_width": 4}
    with pytest.raises(InvalidSpace, match=r"missing \[\], unknown \['layer2_width'\]"):
        SPACE.architecture(choices)


@settings(max_examples=100)
@given(seeds, st.floats(55, 400), st.floats(200, 2_000))
def test_every_sample_is_within_the_bounds(seed: int, params: float, memory: float) -> None:
    # The smallest: 6 -> 4 -> 3 has 28 + 15 parameters; 6 + 4 + 4 + 3 numbers flow.
    space = MLPSpace(
        6, 3, widths=(4, 6, 8), depths=(1, 2, 3), max_params=params, max_memory=memory + 60
    )
    choices = drawn(space, seed)
    assert space.costs(choices)["parameters"] <= params
    assert space.memory(choices) <= memory + 60


def test_dropout_is_a_number_besides_the_choices_that_no_graph_shows() -> None:
    space = MLPSpace(6, 3, max_dropout=0.5)
    assert "dropout" not in space.distributions
    choices = space.completed({})
    dropped, kept = space.build({**choices, "dropout": 0.3}), space.build(choices)
    rates = [[m.p for m in n.modules() if isinstance(m, nn.Dropout)] for n in (dropped, kept)]
    assert rates == [[0.3], [0.0]]
    assert MLPSpace(6, 3).numeric == {}


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "no input": (
        {"inputs": 0},
        InvalidArgument,
        "inputs must be a whole .* at least 1, got 0",
    ),
    "a half class": ({"classes": 1.5}, InvalidArgument, "classes must be .* got 1.5"),
    "depth 0": ({"depths": (0, 1)}, InvalidArgument, "depths must be whole numbers .* got 0"),
    "one width": ({"widths": 8}, InvalidArgument, "widths must be a sequence of options, got 8"),
    "a name": (
        {"norms": "none"},
        InvalidArgument,
        "norms must be a sequence .* got 'none'",
    ),
    "activation": ({"activations": ["sin"]}, InvalidArgument, "unknown name .*'sin'; .*'relu'"),
    "residual": ({"residual": ["yes"]}, InvalidArgument, "residual must be True or .* got 'yes'"),
    "all dropped": (
        {"max_dropout": 1.0},
        InvalidArgument,
        r"max_dropout must .* \[0, 1\), got 1",
    ),
    "half dropped": ({"max_dropout": "0.5"}, InvalidArgument, r"max_dropout must be .* got '0.5'"),
    "no bound": ({"max_params": -1}, InvalidArgument, "max_params must be a positive number"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    given_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        MLPSpace(**{"inputs": 6, "classes": 3, **given_})


def test_a_search_hands_over_members_and_dropout() -> None:
    space = MLPSpace(6, 3, widths=(4, 8), depths=(1, 2), max_dropout=0.5)
    rates = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        architecture = space.architecture(candidate.choices)
        dropout = next(m for m in candidate.build().modules() if isinstance(m, nn.Dropout))
        rates.append(dropout.p)
        return {"size": space.costs(architecture.choices)["parameters"] + dropout.p}

    result = bonas.optimize(
        space,
        12,
        evaluate=evaluate,
        objectives={"size": "minimize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(set(rates)) == 12
    assert all(0 <= rate <= 0.5 for rate in rates)
    assert [t.params["dropout"] for t in result.study.trials] == rates


def test_an_optuna_study_asks_for_the_parameters_that_apply() -> None:
    trial = optuna.create_study().ask()
    choices = SPACE.suggest(trial)
    assert SPACE.completed(choices) == choices
    assert trial.params == choices
