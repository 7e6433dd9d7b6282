"""Costs of networks that route by value, tie or freeze weights, use vmap or keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

import bonas
from bonas.encoders.statistics import GraphStatistics
from bonas.spaces.tracing.trace import Trace, traced
from bonas.spaces.tracing.unallocated import unallocated, without_memory

Make = Callable[[], nn.Module]
SEQUENCE, IMAGE = (2, 8, 4), (2, 3, 8, 8)


def on_meta(make: Make, *shapes: Sequence[int], dtype: torch.dtype = torch.float32) -> Trace:
    with unallocated():
        module = without_memory(make())
    return traced(module, tuple(torch.empty(*s, dtype=dtype, device="meta") for s in shapes))


class Weighed(nn.Module):
    """A network made of a function of its input and of parameters."""

    def __init__(self, function: Callable[..., Any], *shapes: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(*shape)) for shape in shapes)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.weights)


class Recurrent(nn.Module):
    """A recurrence and a linear map."""

    def __init__(self, tokens: bool = False, **arguments: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 4) if tokens else nn.Identity()
        self.cells, self.head = nn.LSTM(4, 6, **arguments), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.cells(self.embedding(x))[0])
        return y


STEP = 4 * 6 * (4 + 6) + 6 * 2
"""Four gates of 6 cells that read 4 inputs and 6 states, and the head."""

PRODUCTS: dict[str, tuple[Make, Sequence[int], int]] = {
    "an axis of experts": (
        lambda: Weighed(lambda x, w: torch.einsum("btd,edh->bteh", x, w), (3, 4, 5)),
        SEQUENCE,
        8 * 3 * 4 * 5,
    ),
    "grouped rows": (
        lambda: Weighed(
            lambda x, w: torch._grouped_mm(
                x.bfloat16(), w.bfloat16(), offs=torch.tensor([8, 16], dtype=torch.int32)
            ),
            (2, 16, 16),
        ),
        (16, 16),
        16 * 16,
    ),
    "mapped over rows": (
        lambda: Weighed(lambda x, w: torch.vmap(lambda row: F.linear(row, w))(x), (5, 4)),
        SEQUENCE,
        8 * 4 * 5,
    ),
    "mapped over experts": (
        lambda: Weighed(lambda x, w: torch.vmap(lambda one: x @ one)(w).relu(), (3, 4, 5)),
        SEQUENCE,
        8 * 3 * 4 * 5,
    ),
    "time first": (Recurrent, (7, 1, 4), 7 * STEP),
    "time first, many": (Recurrent, (7, 3, 4), 7 * STEP),
    "batch first": (lambda: Recurrent(batch_first=True), (3, 7, 4), 7 * STEP),
    "an encoder, time first": (
        lambda: nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0),
        (6, 3, 16),
        4 * 6 * 256 + 2 * 36 * 16 + 2 * 6 * 16 * 24,
    ),
    "attention with a bias": (
        lambda: Weighed(
            lambda x, b: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], b),
            (8, 8),
        ),
        SEQUENCE,
        2 * 8 * 8 * 4,
    ),
    "attention by name": (
        lambda: Weighed(
            lambda x: F.scaled_dot_product_attention(
                query=x[:, None], key=x[:, None], value=x[:, None]
            )
        ),
        SEQUENCE,
        2 * 8 * 8 * 4,
    ),
    "a convolution by name": (
        lambda: Weighed(lambda x, w: F.conv2d(weight=w, input=x, padding="same"), (5, 3, 3, 3)),
        IMAGE,
        5 * 3 * 9 * 64,
    ),
    "a linear map by name": (
        lambda: Weighed(lambda x, w: F.linear(weight=w, input=x), (5, 4)),
        SEQUENCE,
        8 * 4 * 5,
    ),
    "a product by name": (
        lambda: Weighed(lambda x, w: torch.mm(input=x.reshape(16, 4), mat2=w), (4, 5)),
        SEQUENCE,
        8 * 4 * 5,
    ),
    "a sum and a product by name": (
        lambda: Weighed(
            lambda x, w, b: torch.addmm(input=b, mat1=x.reshape(16, 4), mat2=w), (4, 5), (5,)
        ),
        SEQUENCE,
        8 * 4 * 5,
    ),
    "a batch of products, added": (
        lambda: Weighed(lambda x: torch.baddbmm(x.new_zeros(1), batch1=x, batch2=x.mT, beta=2.0)),
        SEQUENCE,
        8 * 8 * 4,
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_multiply_adds_are_those_of_one_example(name: str) -> None:
    make, shape, expected = PRODUCTS[name]
    trace = on_meta(make, shape)
    assert trace.multiply_adds == trace.sketch.costs["multiply_adds"] == expected
    assert not trace.unknown


def test_tokens_may_come_time_first() -> None:
    trace = on_meta(lambda: Recurrent(tokens=True), (7, 2), dtype=torch.long)
    assert trace.multiply_adds == 7 * STEP
    assert trace.graph.labels[2] == "lstm(time_first)"


class Routed(nn.Module):
    """A mixture of experts that selects rows in one of several ways."""

    def __init__(self, experts: int, way: str) -> None:
        super().__init__()
        self.gate = nn.Linear(16, experts)
        self.experts = nn.ModuleList(nn.Linear(16, 16) for _ in range(experts))
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        weight, chosen = self.gate(x).softmax(-1).max(-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            if self.way == "where":
                (rows,) = torch.where(chosen == i)
            elif self.way == "nonzero":
                rows = (chosen == i).nonzero().squeeze(1)
            else:
                rows = chosen == i
            if self.way == "mask" or rows.numel():
                out[rows] = weight[rows, None] * expert(x[rows])
        return out


class Called(Routed):
    """A mixture of experts that runs only those that any row is routed to."""

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.gate(x).argmax(-1)
        out = torch.zeros_like(x)
        for i in F.one_hot(chosen, len(self.experts)).sum(0).gt(0).nonzero():
            rows = torch.where(chosen == i)[0]
            out.index_add_(0, rows, self.experts[int(i)](x[rows]))
        return out


ROWS = torch.linspace(-1, 1, 256).reshape(16, 16).sin()


@pytest.mark.parametrize("way", ["where", "nonzero", "mask", "called"])
def test_a_network_that_routes_by_value_has_one_graph_with_all_its_experts(way: str) -> None:
    kind = Called if way == "called" else Routed

    def build(choose: Any) -> nn.Module:
        return nn.Sequential(kind(choose("experts", [4, 8]), way), nn.Linear(16, 3))

    found = []
    for seed in range(3):
        torch.manual_seed(seed)
        family = bonas.space(input=ROWS * (1 + seed))(build)
        found.append(family.graph({"experts": 8}))
    assert len({graph.canonical_hash for graph in found}) == 1
    assert found[0].labels.count("linear") == 1 + 8 + 1
    # the gate, one expert for each row, and the head
    assert family.costs({"experts": 8})["multiply_adds"] == 16 * 8 + 16 * 16 + 16 * 3


class Tied(nn.Module):
    """A language model whose head shares the weights of its embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(10, width), nn.Linear(width, 10, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        y: Tensor = self.head(self.table(tokens))
        return y


MOVES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "none": lambda m: m,
    "a device": lambda m: m.to("cpu"),
    "a device and a type": lambda m: m.to(torch.device("cpu"), torch.bfloat16),
    "half": lambda m: m.half(),
    "bfloat16": lambda m: m.bfloat16(),
    "an accelerator": lambda m: m.to("cuda"),
    "a device by its method": lambda m: m.cpu(),
    "a read value": lambda m: m.to(["cpu"][int(torch.rand(1))]),
}


@pytest.mark.parametrize("name", MOVES)
def test_tied_weights_count_once_wherever_they_are_moved(name: str) -> None:
    @bonas.space(input=torch.zeros(1, 5, dtype=torch.long))
    def family(choose: Any) -> nn.Module:
        return MOVES[name](Tied(choose("width", [4, 8])))

    assert [family.costs({"width": w})["parameters"] for w in (4, 8)] == [40, 80]
    assert any("tied=0" in label for label in family.graph({"width": 4}).labels)


def test_frozen_parameters_are_a_cost_of_their_own() -> None:
    @bonas.space(input=torch.zeros(1, 8))
    def family(choose: Any) -> nn.Module:
        body = nn.Linear(8, 8)
        body.requires_grad_(not choose("frozen", [True, False]))
        return nn.Sequential(body, nn.Linear(8, 2))

    frozen, free = (family.costs({"frozen": f}) for f in (True, False))
    assert frozen == {"parameters": 18.0, "frozen_parameters": 72.0, "multiply_adds": 80.0}
    assert free == {"parameters": 90.0, "multiply_adds": 80.0}
    memory = [family._profile({"frozen": f}).memory for f in (True, False)]
    assert memory[0] == memory[1] == 4 * (90 + 8 + 8 + 2)
    assert family.members is not None
    rows = GraphStatistics(family).encode(family.members)
    assert bool(rows.isfinite().all())
    assert len(family.members) == len(torch.unique(rows, dim=0)) == 2


def test_a_real_module_that_networks_share_is_left_alone() -> None:
    shared = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
    shared.register_buffer("scale", torch.arange(8.0))

    @bonas.space(input=torch.zeros(2, 8))
    def family(choose: Any) -> nn.Module:
        return nn.Sequential(shared, nn.Linear(8, choose("width", [2, 3])))

    assert family.costs({"width": 3})["parameters"] == 8 * 8 + 8 + 16 + 8 * 3 + 3
    assert not any(t.is_meta for t in (*shared.parameters(), *shared.buffers()))
