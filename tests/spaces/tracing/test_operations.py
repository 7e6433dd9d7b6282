"""Operations cost their formulas, and what torch counts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import flops, on_meta
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it


@settings(max_examples=20)
@given(
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    groups=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    transposed=st.booleans(),
)
def test_any_convolution_costs_what_torch_counts(
    inputs: int,
    outputs: int,
    groups: int,
    kernel: tuple[int, int],
    stride: int,
    dilation: int,
    transposed: bool,
) -> None:
    kind: type[nn.Module] = nn.ConvTranspose2d if transposed else nn.Conv2d

    def make() -> nn.Module:
        return kind(
            inputs * groups,
            outputs * groups,
            kernel,
            stride=stride,
            groups=groups,
            dilation=dilation,
        )

    x = torch.zeros(1, inputs * groups, 7, 9)
    trace = on_meta(make, x)
    assert 2 * trace.sketch.costs["multiply_adds"] == flops(make, x)
    sizes = trace.sketch.operations[1].sizes
    assert (sizes["groups"], sizes["stride"], sizes["kernel"]) == (groups, stride, max(kernel))
    label = trace.sketch.operations[1].label
    assert ("dilation=2" in label) == (dilation == 2)
    assert ("depthwise" in label) == (inputs == 1 < groups)


def test_a_transformer_layer_costs_its_formula() -> None:
    d, hidden, t = 16, 24, 6

    def make() -> nn.Module:
        return nn.TransformerEncoderLayer(d, 4, hidden, dropout=0.0, batch_first=True)

    trace = on_meta(make, torch.zeros(3, t, d))
    # four projections, scores and mixed values, two linear maps
    assert trace.sketch.costs["multiply_adds"] == 4 * t * d * d + 2 * t * t * d + 2 * t * d * hidden
    assert trace.parameters == sum(p.numel() for p in make().parameters())
    assert trace.graph.labels == (
        *("input", "attention", "add", "layer_norm", "linear", "relu", "linear", "add"),
        *("layer_norm", "output"),
    )
    assert trace.sketch.operations[1].sizes["heads"] == 4


def test_grouped_attention_costs_its_formula() -> None:
    class Grouped(nn.Module):
        def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    heads, shared, queries, keys, e, ev = 6, 2, 5, 7, 4, 3
    inputs = [torch.zeros(2, heads, queries, e), torch.zeros(2, shared, keys, e)]
    trace = on_meta(Grouped, *inputs, torch.zeros(2, shared, keys, ev))
    assert trace.sketch.costs["multiply_adds"] == heads * queries * keys * (e + ev)
    assert set(trace.graph.labels) >= {"argument(0)", "argument(1)", "argument(2)", "attention"}


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_a_recurrent_network_costs_its_formula(kind: type[nn.RNNBase], gates: int) -> None:
    d, h, t = 5, 7, 11

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = kind(d, h, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.cells(x)[0]
            return out[:, -1]

    trace = on_meta(Last, torch.zeros(2, t, d))
    # each direction: the first layer reads the input, the second both directions of the first
    first, second = gates * h * (d + h), gates * h * (2 * h + h)
    assert trace.sketch.costs["multiply_adds"] == t * 2 * (first + second)
    assert trace.parameters == sum(p.numel() for p in Last().parameters())
    assert trace.graph.labels[2] == "slice(:, -1)"
    assert len(trace.graph) == 4


def test_a_single_step_costs_its_formula() -> None:
    trace = on_meta(lambda: nn.LSTMCell(5, 7), torch.zeros(2, 5))
    assert trace.sketch.costs["multiply_adds"] == 4 * 7 * (5 + 7)
