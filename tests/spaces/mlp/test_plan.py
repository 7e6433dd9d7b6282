"""The plan of a perceptron: its sketch is what is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from built_networks import drawn, multiply_adds_of, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces import Choices
from bonas.spaces.mlp.network import ACTIVATIONS, NORMS, Perceptron
from bonas.spaces.mlp.plan import PerceptronPlan
from bonas.spaces.mlp.space import MLPSpace

SPACE = MLPSpace(6, 3, widths=(4, 6, 8), depths=(1, 2, 3))


@st.composite
def spaces(draw: st.DrawFn) -> MLPSpace:
    """Draw small spaces of any shape."""

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


PLAN = PerceptronPlan(4, (4, 6, 6), 3, activation="relu", norm="none", residual=True)


def test_a_layer_is_residual_where_its_widths_agree() -> None:
    assert [layer.adds for layer in PLAN.layers()] == [True, False, True]
    assert not any(layer.adds for layer in replace(PLAN, residual=False).layers())
    assert [(layer.inputs, layer.outputs) for layer in PLAN.layers()] == [(4, 4), (4, 6), (6, 6)]


@pytest.mark.parametrize("norm", list(NORMS))
def test_a_plan_is_built_without_its_space(norm: str) -> None:
    plan = replace(PLAN, norm=norm, dropout=0.25)
    network, (sketch, _) = Perceptron(plan), plan.sketch()
    assert parameters_of(network) == sketch.costs["parameters"]
    assert multiply_adds_of(network, 4) == sketch.costs["multiply_adds"]
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.25}


def test_dropout_changes_no_sketch() -> None:
    (one, output), (other, _) = PLAN.sketch(), replace(PLAN, dropout=0.5).sketch()
    assert one == other
    assert one.graph(output).labels.count("add") == 2
