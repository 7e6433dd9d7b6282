"""Traces of networks: their graphs, and their costs against torch's own counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from small_networks import flops, on_meta
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from bonas.errors import InvalidSpace
from bonas.spaces import ArchitectureGraph
from bonas.spaces.tracing.trace import traced
from bonas.spaces.tracing.unallocated import unallocated, without_memory

Make = Callable[[], nn.Module]


class Residual(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.two = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.one(x)), inplace=True)
        y = self.two(y)
        y += self.shortcut(x)
        return F.relu(y)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.GELU(), nn.Linear(32, 10))


def resnet() -> nn.Module:
    body = [Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 16, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *body, *head)


class Mobile(nn.Module):
    """An inverted bottleneck with squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Conv2d(3, 12, 1)
        self.depthwise = nn.Conv2d(12, 12, 5, 2, 2, groups=12)
        self.squeeze, self.excite = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
        self.project = nn.Conv2d(12, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.depthwise(F.hardswish(self.expand(x))))
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.project(x * gate).mean((2, 3))


class Sampler(nn.Module):
    """Transposed convolution, einsum, and matrix products with and without data."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 4, 2, 2)
        self.norm = nn.GroupNorm(2, 4)
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.up(x)) * self.scale
        mixed = torch.einsum("bchw,bdhw->bcd", y, y)
        return torch.bmm(mixed, y.flatten(2)) @ torch.ones(256, 2)


def image() -> Tensor:
    return torch.zeros(2, 3, 8, 8)


@pytest.mark.parametrize("make", [perceptron, resnet, Mobile, Sampler])
def test_costs_are_those_that_torch_counts(make: Make) -> None:
    trace = on_meta(make, image())
    assert trace.sketch.costs["multiply_adds"] * 2 * 2 == flops(make, image())
    assert trace.parameters == sum(p.numel() for p in make().parameters())
    assert trace.sketch.costs["parameters"] == trace.parameters
    assert not trace.unknown


@pytest.mark.parametrize("make", [perceptron, resnet, Mobile, Sampler])
def test_a_run_without_memory_gives_the_trace_of_a_real_one(make: Make) -> None:
    assert on_meta(make, image()).graph == traced(make(), image()).graph
    assert on_meta(make, image()).sketch.memory == traced(make(), image()).sketch.memory


@pytest.mark.parametrize("make", [perceptron, resnet, Mobile, Sampler])
def test_costs_are_of_one_example_whatever_the_batch(make: Make) -> None:
    one, many = (traced(make(), torch.zeros(n, 3, 8, 8)) for n in (1, 5))
    assert one.graph == many.graph
    assert one.sketch.costs == many.sketch.costs


def test_a_residual_block_by_hand() -> None:
    trace = traced(Residual(4, 4, 1), torch.zeros(1, 4, 5, 5))
    labels = ["input", "conv2d", "batch_norm", "relu", "conv2d", "add", "relu", "output"]
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (5, 6), (6, 7)]
    assert trace.graph.labels == tuple(labels)
    assert trace.graph.edges == tuple(sorted(edges))
    conv = trace.sketch.operations[1]
    assert conv.shape == (4, 5, 5)
    assert conv.sizes == {
        "inputs": 4,
        "outputs": 4,
        "kernel": 3,
        "stride": 1,
        "groups": 1,
        "heads": 0,
        "elements": 100,
        "parameters": 4 * 4 * 9,
        "multiply_adds": 4 * 4 * 9 * 25,
    }


def test_an_inverted_bottleneck_by_name() -> None:
    assert on_meta(Mobile, image()).graph.labels == (
        *("input", "conv2d", "hard_swish", "depthwise_conv2d", "hard_swish"),
        *("global_avg_pool", "conv2d", "relu", "conv2d", "hard_sigmoid", "mul", "conv2d"),
        *("global_avg_pool", "output"),
    )


def test_a_shared_parameter_counts_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, 4)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(self.table(x), self.table.weight)

    trace = on_meta(Tied, torch.zeros(2, 3, dtype=torch.long))
    assert trace.sketch.costs == {"parameters": 36.0, "multiply_adds": 3.0 * 4 * 9}
    assert [o.sizes.get("parameters", 0) for o in trace.sketch.operations] == [0, 36, 0]


def test_functions_of_parameters_alone_belong_to_the_operation_that_reads_them() -> None:
    class LowRank(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.ones(6, 2)), nn.Parameter(torch.ones(2, 5))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.a @ self.b)

    trace = on_meta(LowRank, torch.zeros(1, 5))
    assert trace.graph.labels == ("input", "linear(matmul(parameter, parameter))", "output")
    assert trace.sketch.costs == {"parameters": 22.0, "multiply_adds": 5.0 * 6 + 6 * 2 * 5}


def test_a_function_of_parameters_counts_once_however_many_operations_read_it() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.ones(6, 2)), nn.Parameter(torch.ones(2, 5))

        def forward(self, x: Tensor) -> Tensor:
            scale = self.a @ self.b
            return x * (scale - 1) + x.relu() * scale

    assert on_meta(Shared, torch.zeros(1, 6, 5)).sketch.costs["multiply_adds"] == 6 * 2 * 5


@pytest.mark.parametrize("rows", [1, 3])
def test_each_example_has_its_share_of_what_is_computed_for_a_batch(rows: int) -> None:
    class Start(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(8, 8), nn.Linear(4, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.outer(x) + self.inner(torch.zeros(len(x), 8))

    assert on_meta(Start, torch.zeros(rows, 4)).sketch.costs["multiply_adds"] == 4 * 8 + 8 * 8


class Wired(nn.Module):
    """A network made of a function."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def graph_of(function: Callable[[Tensor], object]) -> ArchitectureGraph:
    return traced(Wired(function), torch.ones(2, 4, 6)).graph


def same(one: Callable[[Tensor], object], other: Callable[[Tensor], object]) -> bool:
    return graph_of(one).canonical_hash == graph_of(other).canonical_hash


@pytest.mark.parametrize(
    "made",
    [
        lambda: torch.randn(4, 6),
        lambda: torch.rand(4, 6, dtype=torch.float32),
        lambda: torch.normal(0.0, 1.0, (4, 6)),
        lambda: torch.empty(4, 6).fill_(2.0),
        lambda: torch.zeros(4, 6, device="cpu"),
        lambda: torch.full((4, 6), 0.5),
        lambda: torch.randint(0, 9, (4, 6)),
        lambda: torch.randperm(6),
    ],
)
def test_tensors_that_a_run_makes_of_numbers_alone_are_constants(
    made: Callable[[], Tensor],
) -> None:
    graph = graph_of(lambda x: (x + made()).relu())
    assert len(graph) == 4
    assert graph.labels[1].startswith("add(")


def test_views_and_casts_become_no_nodes() -> None:
    graph = graph_of(lambda x: x.view(2, 24).reshape(2, 4, 6).unsqueeze(1).to(x.dtype).relu())
    assert graph.labels == ("input", "relu", "output")
    assert graph_of(lambda x: x.mT.relu().mT).labels == ("input", "relu", "output")
    assert graph_of(lambda x: x.mT.relu()).labels == ("input", "relu", "transpose", "output")


def test_swapped_branches_are_the_same_network() -> None:
    assert same(lambda x: x.relu() + x.sigmoid(), lambda x: x.sigmoid() + x.relu())
    assert not same(lambda x: x.relu() + x.sigmoid(), lambda x: x.relu() * x.sigmoid())
    assert not same(lambda x: x.relu() + x, lambda x: x.relu())


def test_constants_that_matter_are_in_the_label() -> None:
    assert not same(lambda x: x[:, 0], lambda x: x[:, -1])
    assert not same(lambda x: 2 * x, lambda x: 3 * x)
    assert not same(lambda x: F.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.3))
    assert not same(lambda x: x.mean(1), lambda x: x.sum(1))
    assert not same(lambda x: F.dropout(x, 0.2, False), lambda x: F.dropout(x, 0.5, False))
    assert same(lambda x: F.dropout(x, 0.0, False).relu(), lambda x: x.relu())
    assert graph_of(lambda x: F.leaky_relu(x)).labels[1] == "leaky_relu"
    assert graph_of(lambda x: F.leaky_relu(x, 0.2)).labels[1] == "leaky_relu(0.2)"


def test_an_in_place_change_reaches_all_tensors_that_share_memory() -> None:
    def through_a_view(x: Tensor) -> Tensor:
        y = x.sigmoid()
        y.view(-1).mul_(2)
        return y

    def by_index(x: Tensor) -> Tensor:
        y = x.sigmoid()
        y[:, 0] = x[:, 1]
        return y

    assert graph_of(through_a_view).labels == ("input", "sigmoid", "mul(2)", "output")
    graph = graph_of(by_index)
    assert "set_item(:, 0)" in graph.labels
    assert len(graph) == 5


def test_several_outputs_are_joined() -> None:
    graph = graph_of(lambda x: {"a": x.relu(), "b": [x.sigmoid()]})
    assert graph.labels == ("input", "relu", "sigmoid", "tuple", "output")


def test_an_output_that_the_input_does_not_reach_has_a_graph_without_edges() -> None:
    assert graph_of(lambda x: torch.zeros_like(x)).edges == ()


class Doubled(torch.autograd.Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:  # type: ignore[override]  # as documented
        return 2 * x

    @staticmethod
    def backward(ctx: object, g: Tensor) -> Tensor:  # type: ignore[override]  # as documented
        return 2 * g


def test_a_custom_autograd_function_is_traced() -> None:
    graph = graph_of(lambda x: Doubled.apply(x.relu()).sigmoid())  # type: ignore[no-untyped-call]  # torch's
    assert graph.labels == ("input", "relu", "mul(2)", "sigmoid", "output")
    assert len(graph.edges) == 4


class Fourier(nn.Module):
    """A network that reads its parameter in a function without a formula."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(x * self.weight).abs() + torch.heaviside(x, self.weight)


def test_functions_without_a_formula_are_named() -> None:
    assert traced(Fourier(), torch.ones(1, 4)).unknown == {"fft_fft": 1, "heaviside": 1}


def test_a_network_without_memory_is_never_initialised() -> None:
    state = torch.get_rng_state()
    with unallocated():
        network = nn.Sequential(nn.Linear(10**6, 10**6), nn.BatchNorm1d(10**6))
        rates = torch.linspace(0, 1, 3).tolist()
    assert rates == [0.0, 0.5, 1.0]
    assert all(p.is_meta for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    trace = traced(without_memory(network), torch.zeros(1, 10**6, device="meta"))
    assert trace.sketch.costs["multiply_adds"] == 10**12


def test_errors_of_the_network_are_passed_on_without_memory_too() -> None:
    for broken in (nn.Conv2d(4, 2, 3), nn.BatchNorm2d(4), nn.LayerNorm(4), nn.GroupNorm(1, 4)):
        with pytest.raises(RuntimeError):
            on_meta(lambda broken=broken: broken.to("meta"), image())  # type: ignore[misc]  # bound


def test_a_network_must_return_a_tensor() -> None:
    with pytest.raises(InvalidSpace, match="the network must return a tensor, got float"):
        traced(Wired(lambda x: 1.0), torch.ones(1))


def test_memory_is_the_sum_of_parameters_and_outputs() -> None:
    sketch = traced(nn.Linear(3, 5), torch.zeros(7, 3)).sketch
    assert sketch.memory == 4 * (20 + 3 + 5)
    assert math.isclose(traced(nn.ReLU(), torch.zeros(7, 3)).graph.features[1][6], math.log1p(3))  # type: ignore[index]  # it has them


def test_lazy_layers_have_the_graph_of_eager_ones() -> None:
    """Check layers that take their shapes in a first run, which is not recorded."""
    with unallocated():
        lazy = nn.Sequential(
            nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(2, 1)
        )
        eager = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    example = torch.empty(1, 3, 8, 8, device="meta")
    first, again, other = traced(lazy, example), traced(lazy, example), traced(eager, example)
    assert first.graph.canonical_hash == again.graph.canonical_hash == other.graph.canonical_hash
    assert first.parameters == other.parameters
