"""Perceptron spaces: the networks they describe, their costs, and dropout beside the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.mlp.network import ACTIVATIONS, NORMS
from bonas.spaces.mlp.space import MLPSpace

SPACE = MLPSpace(6, 3, widths=(4, 6, 8), depths=(1, 2, 3))
seeds = st.integers(0, 2**32 - 1)


def drawn(space: MLPSpace, seed: int) -> Choices:
    return space.sample(np.random.default_rng(seed))


@st.composite
def spaces(draw: st.DrawFn) -> MLPSpace:
    """Small spaces of any shape."""

    def some(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)))

    return MLPSpace(
        draw(st.integers(1, 9)),
        draw(st.integers(1, 4)),
        depths=some([1, 2, 4]),
        widths=(5, *some([1, 9])),
        activations=some(list(ACTIVATIONS)),
        norms=some(list(NORMS)),
        residual=some([False, True]),
        max_dropout=draw(st.sampled_from([0.0, 0.5])),
    )


@settings(max_examples=200)
@given(spaces(), seeds)
def test_every_network_trains_and_costs_what_its_sketch_says(space: MLPSpace, seed: int) -> None:
    torch.manual_seed(0)
    choices = drawn(space, seed)
    network, counter = space.build(choices), FlopCounterMode(display=False)
    with counter:
        out = network(torch.randn(2, *space.input_shape))
    assert out.shape == (2, space.classes)
    assert sum(p.numel() for p in network.parameters()) == space.costs(choices)["parameters"]
    assert counter.get_total_flops() == 2 * 2 * space.costs(choices)["multiply_adds"]
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_network_by_hand() -> None:
    # 6 -> 6 (with norm, and its input added) -> 4 -> 3 outputs.
    choices: Choices = {
        "activation": "gelu",
        "norm": "layer_norm",
        "residual": True,
        "depth": 2,
        "layer1_width": 6,
        "layer2_width": 4,
    }
    assert SPACE.costs(choices) == {
        "parameters": (36 + 6 + 12) + (24 + 4 + 8) + (12 + 3),
        "multiply_adds": 36 + 24 + 12,
    }
    numbers = 6 + 4 * 6 + 3 * 4 + 3  # input; linear, norm, gelu and sum; no sum in the second
    assert SPACE.memory(choices) == 4 * (105 + numbers)
    labels = SPACE.graph(choices).labels
    layer = ("linear", "layer_norm", "gelu")
    assert labels == ("input", *layer, "add", *layer, "linear", "output")


def test_a_residual_layer_adds_its_input() -> None:
    space = MLPSpace(4, 2, depths=(1,), widths=(4, 5), norms=("none",), residual=(True,))
    layer = space.build({"activation": "relu", "layer1_width": 4}).get_submodule("layers.0")
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
    x = torch.randn(3, 4)
    assert torch.equal(layer(x), x)  # relu(0) = 0 is added


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


def test_dropout_is_a_number_beside_the_choices_that_no_graph_shows() -> None:
    space = MLPSpace(6, 3, max_dropout=0.5)
    assert "dropout" not in space.distributions
    choices = space.completed({})
    dropped, kept = space.build({**choices, "dropout": 0.3}), space.build(choices)
    rates = [[m.p for m in n.modules() if isinstance(m, nn.Dropout)] for n in (dropped, kept)]
    assert rates == [[0.3], [0.0]]
    assert MLPSpace(6, 3).numeric == {}


def test_inputs_of_more_dimensions_are_flattened() -> None:
    network = SPACE.build(SPACE.completed({})).eval()
    x = torch.randn(2, 1, 2, 3)
    assert torch.equal(network(x), network(x.reshape(2, 6)))


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 2, 6)])
def test_inputs_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    network = SPACE.build(SPACE.completed({}))
    with pytest.raises(InvalidData, match="expected a batch of 6 numbers per example, got shape"):
        network(torch.zeros(shape))


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
