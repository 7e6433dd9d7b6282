"""Recurrent spaces: their parameters, their networks, and what these cost."""

from __future__ import annotations

from typing import Any

import numpy as np
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
from bonas.spaces.recurrent.network import MinimalGatedUnit, RecurrentLayer
from bonas.spaces.recurrent.space import RecurrentSpace

SMALL = RecurrentSpace(inputs=3, length=4, classes=2, widths=(4, 5))
ALL = list(SMALL)
COUNTED = ("gru", "mgu", "rnn")  # torch's counter sees no product of an LSTM

members = st.sampled_from(ALL)


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def choices_of(cell: str, **others: object) -> Choices:
    return SMALL.completed({"cell": cell, **others})  # type: ignore[dict-item]  # plain values


def test_the_space_holds_each_combination_once() -> None:
    # 4 cells x 2 widths x 2 directions, with depth 1, or depth 2 or 3 times residual and norm
    assert len(ALL) == 16 * (1 + 2 * 2 * 2)
    assert len({tuple(choices.items()) for choices in ALL}) == len(ALL)
    assert SMALL.members is not None
    assert len(SMALL.members) == len(ALL)


@settings(max_examples=200)
@given(members)
def test_a_network_runs_both_ways_and_has_the_parameters_of_its_costs(choices: Choices) -> None:
    network = SMALL.build(choices)
    scores = network(torch.randn(2, 4, 3))
    assert scores.shape == (2, 2)
    scores.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert parameters_of(network) == SMALL.costs(choices)["parameters"]


@settings(max_examples=60)
@given(members.filter(lambda choices: choices["cell"] in COUNTED))
def test_multiply_adds_are_what_torch_counts(choices: Choices) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        SMALL.build(choices)(torch.randn(1, 4, 3))
    assert counter.get_total_flops() == 2 * SMALL.costs(choices)["multiply_adds"]


def test_the_costs_of_a_network_of_two_layers_by_hand() -> None:
    # Forwards and backwards, 4 gates of 5 units each: 2 x 4 x 5 x (3 + 5) = 320 weights in the
    # first layer and 2 x 4 x 5 x (10 + 5) = 600 in the second, with 2 x 2 x 4 x 5 = 80 biases each;
    # a norm of 2 x 10; a head of 10 x 2 + 2. A cell's weights are multiplied in each of 4 steps.
    choices = choices_of("lstm", depth=2, width=5, bidirectional=True, layer_norm=True)
    assert SMALL.costs(choices) == {
        "parameters": 320 + 80 + 600 + 80 + 20 + 22,
        "multiply_adds": 4 * (320 + 600) + 20,
    }


def test_the_graph_of_a_network_of_two_layers_by_hand() -> None:
    choices = choices_of("gru", depth=2, residual=True)
    assert SMALL.graph(choices).labels == (
        ("input", "gru", "gru", "add", "last_state", "linear", "output")
    )
    assert SMALL.graph(choices).edges == ((0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6))


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


@pytest.mark.parametrize("seed", range(3))
def test_a_minimal_gated_unit_follows_its_equations(seed: int) -> None:
    torch.manual_seed(seed)
    unit = MinimalGatedUnit(3, 4).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    # As Zhou et al. write them: one matrix a gate, for the state and the input side by side.
    (U, U_c), (b, b_c) = unit.read.weight.chunk(2), unit.read.bias.chunk(2)
    W, W_c = torch.cat([unit.forget.weight, U], 1), torch.cat([unit.renew.weight, U_c], 1)
    h, states = torch.zeros(4, dtype=torch.float64), []
    for row in x:
        f = 1 / (1 + torch.exp(-(W @ torch.cat([h, row]) + b)))
        h = (1 - f) * h + f * torch.tanh(W_c @ torch.cat([f * h, row]) + b_c)
        states.append(h)
    torch.testing.assert_close(unit(x.unsqueeze(0))[0], torch.stack(states))


@pytest.mark.parametrize("cell", ["lstm", "mgu"])
def test_the_second_half_of_a_layer_reads_the_turned_sequence(cell: str) -> None:
    """With the weights of both directions swapped, a turned input gives the turned output."""
    torch.manual_seed(0)
    layer = RecurrentLayer(cell, 3, 4, bidirectional=True)
    swapped = RecurrentLayer(cell, 3, 4, bidirectional=True)
    weights = layer.state_dict()

    def other(name: str) -> str:
        if cell == "mgu":
            return name.replace("s.0.", "s.x.").replace("s.1.", "s.0.").replace("s.x.", "s.1.")
        return name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"

    swapped.load_state_dict({name: weights[other(name)] for name in weights})
    x = torch.randn(2, 6, 3)
    forwards, backwards = layer(x).chunk(2, dim=-1)
    assert not torch.allclose(forwards, backwards)
    expected = torch.cat([backwards, forwards], dim=-1).flip(1)
    torch.testing.assert_close(swapped(x.flip(1)), expected)


@pytest.mark.parametrize("cell", ["lstm", "gru", "mgu", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_head_reads_the_last_states(cell: str, bidirectional: bool) -> None:
    """Of one layer they are what torch calls the hidden state at the end."""
    torch.manual_seed(0)
    network: Any = SMALL.build(choices_of(cell, bidirectional=bidirectional))
    x = torch.randn(2, 4, 3)
    layer = network.layers[0]
    if cell == "mgu":
        ways = [x, x.flip(1)] if bidirectional else [x]
        last = [unit(way)[:, -1] for unit, way in zip(layer.cells, ways, strict=True)]
    else:
        state = layer.cells[0](x)[1]
        last = list(state[0] if cell == "lstm" else state)
    torch.testing.assert_close(network(x), network.head(torch.cat(last, dim=-1)))


@given(members.filter(lambda choices: choices["depth"] != 1))
@settings(max_examples=60)
def test_norm_and_sum_are_where_the_plan_says(choices: Choices) -> None:
    network: Any = SMALL.build(choices)
    x = torch.randn(2, 4, 3)
    y = network.layers[0](x)
    for norm, layer in zip(network.norms, list(network.layers)[1:], strict=True):
        assert isinstance(norm, nn.LayerNorm) == choices["layer_norm"]
        y = layer(norm(y)) + (y if choices["residual"] else 0.0)
    half = int(str(choices["width"]))
    ends = torch.cat([y[:, -1, :half], y[:, 0, half:]], dim=1)
    torch.testing.assert_close(network(x), network.head(ends))


def test_networks_of_different_choices_have_different_graphs() -> None:
    assert len({SMALL.graph(choices).canonical_hash for choices in ALL}) == len(ALL)


def test_a_grey_image_is_read_row_by_row() -> None:
    network = SMALL.build(choices_of("mgu"))
    rows = torch.randn(2, 7, 3)
    assert torch.equal(network(rows.unsqueeze(1)), network(rows))


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 5), (2, 0, 3), (2, 2, 4, 3)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidData, match="expected sequences of shape batch x length x 3"):
        SMALL.build(choices_of("gru"))(torch.zeros(shape))


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
