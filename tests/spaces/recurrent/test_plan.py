"""The plan of a recurrent network: its sketch is what is built."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from built_networks import parameters_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces import Choices
from bonas.spaces.recurrent.network import RecurrentNetwork
from bonas.spaces.recurrent.plan import GATES, RecurrentPlan
from bonas.spaces.recurrent.space import RecurrentSpace

SMALL = RecurrentSpace(inputs=3, length=4, classes=2, widths=(4, 5))


ALL = list(SMALL)


COUNTED = ("gru", "mgu", "rnn")  # torch's counter sees no product of an LSTM


members = st.sampled_from(ALL)


def choices_of(cell: str, **others: object) -> Choices:
    return SMALL.completed({"cell": cell, **others})  # type: ignore[dict-item]  # plain values


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


PLAN = RecurrentPlan(
    inputs=3,
    length=4,
    outputs=2,
    cell="gru",
    depth=2,
    width=5,
    bidirectional=False,
    residual=False,
    layer_norm=False,
)


@pytest.mark.parametrize("cell", list(GATES))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_plan_is_built_without_its_space(cell: str, bidirectional: bool) -> None:
    plan = replace(PLAN, cell=cell, bidirectional=bidirectional, residual=True, layer_norm=True)
    assert parameters_of(RecurrentNetwork(plan)) == plan.sketch()[0].costs["parameters"]


@pytest.mark.parametrize("cell", list(GATES))
def test_the_weights_of_a_cell_are_multiplied_once_per_step(cell: str) -> None:
    # g h (n + h) weights in the first layer and g h (h + h) in the second; a head of 5 x 2.
    plan = replace(PLAN, cell=cell)
    weights = GATES[cell] * 5 * (3 + 5) + GATES[cell] * 5 * (5 + 5)
    assert plan.sketch()[0].costs["multiply_adds"] == 4 * weights + 10
    longer = replace(plan, length=8).sketch()[0].costs["multiply_adds"]
    assert longer == 8 * weights + 10


def test_one_layer_has_neither_norm_nor_sum() -> None:
    one = replace(PLAN, depth=1)
    assert one.sketch() == replace(one, residual=True, layer_norm=True).sketch()


def test_both_directions_are_carried_to_the_next_layer() -> None:
    assert (PLAN.carried, replace(PLAN, bidirectional=True).carried) == (5, 10)
    labels = [o.label for o in replace(PLAN, bidirectional=True).sketch()[0].operations]
    assert labels == ["input", *["gru", "gru", "concat"] * 2, "last_state", "linear"]
