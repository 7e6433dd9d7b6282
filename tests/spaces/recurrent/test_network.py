"""Recurrent networks: cells, directions, and what lies between the layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bonas.errors import InvalidData
from bonas.spaces import Choices
from bonas.spaces.recurrent.network import MinimalGatedUnit, RecurrentLayer
from bonas.spaces.recurrent.space import RecurrentSpace

SMALL = RecurrentSpace(inputs=3, length=4, classes=2, widths=(4, 5))


ALL = list(SMALL)


members = st.sampled_from(ALL)


def choices_of(cell: str, **others: object) -> Choices:
    return SMALL.completed({"cell": cell, **others})  # type: ignore[dict-item]  # plain values


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


def test_a_grey_image_is_read_row_by_row() -> None:
    network = SMALL.build(choices_of("mgu"))
    rows = torch.randn(2, 7, 3)
    assert torch.equal(network(rows.unsqueeze(1)), network(rows))


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 5), (2, 0, 3), (2, 2, 4, 3)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidData, match="expected sequences of shape batch x length x 3"):
        SMALL.build(choices_of("gru"))(torch.zeros(shape))
