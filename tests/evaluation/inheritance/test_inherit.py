"""Facts about networks that start with the weights of others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from inheriting_networks import (
    Attending,
    Depthwise,
    Gated,
    Recurrent,
    Residual,
    Stepwise,
    block,
    convolutional,
    perceptron,
    trained,
)
from torch import Tensor, nn

from bonas.evaluation import Inheritance, inherit_weights
from bonas.spaces import MobileSpace, NASBench201, RecurrentSpace, Space, TransformerSpace

IMAGE, ROW, ROWS = (3, 8, 8), (6,), (7, 6)

Build = Callable[[], nn.Module]


def batch(shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(12, *shape, generator=torch.Generator().manual_seed(seed))


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network.eval()(x)
    return y


PRESERVED: dict[str, tuple[Build, Build, tuple[int, ...]]] = {
    "the same network": (lambda: convolutional(4, 6), lambda: convolutional(4, 6), IMAGE),
    "a wider convolution": (lambda: convolutional(4, 6), lambda: convolutional(9, 6), IMAGE),
    "wider before a flattened image": (
        lambda: convolutional(4, 6),
        lambda: convolutional(4, 15),
        IMAGE,
    ),
    "larger kernels": (
        lambda: convolutional(4, 6),
        lambda: convolutional(4, 6, kernel=5),
        IMAGE,
    ),
    "wider, larger kernels": (
        lambda: convolutional(4, 6),
        lambda: convolutional(8, 9, kernel=5),
        IMAGE,
    ),
    "a convolution inserted behind relu": (
        lambda: convolutional(4, 6),
        lambda: convolutional(4, 6, 6),
        IMAGE,
    ),
    "a wider hidden layer": (lambda: perceptron(8, 8), lambda: perceptron(8, 20), ROW),
    "wider hidden layers": (lambda: perceptron(8, 8), lambda: perceptron(13, 20), ROW),
    "an inserted hidden layer": (lambda: perceptron(8, 9), lambda: perceptron(8, 9, 9), ROW),
    "one inserted, all wider": (lambda: perceptron(8, 9), lambda: perceptron(11, 12, 12), ROW),
    "a wider residual stream": (lambda: Residual(4, 6, 2), lambda: Residual(7, 6, 2), IMAGE),
    "wider residual branches": (lambda: Residual(4, 6, 2), lambda: Residual(4, 9, 2), IMAGE),
    "residual blocks inserted before tanh": (
        lambda: Residual(4, 6, 1),
        lambda: Residual(7, 9, 3),
        IMAGE,
    ),
    "a wider stem of a concatenation": (
        lambda: Depthwise(4, 6),
        lambda: Depthwise(9, 6),
        IMAGE,
    ),
    "a wider depthwise convolution": (lambda: Depthwise(4, 6), lambda: Depthwise(4, 15), IMAGE),
    "gates and values side by side": (lambda: Gated(4), lambda: Gated(11), ROW),
    "a wider lstm": (lambda: Recurrent(nn.LSTM, 4), lambda: Recurrent(nn.LSTM, 7), ROWS),
    "a wider gru": (lambda: Recurrent(nn.GRU, 4), lambda: Recurrent(nn.GRU, 9), ROWS),
    "a wider rnn": (lambda: Recurrent(nn.RNN, 4), lambda: Recurrent(nn.RNN, 7), ROWS),
    "a wider cell in a loop": (lambda: Stepwise(4), lambda: Stepwise(7), ROWS),
    "a wider perceptron of a transformer": (
        lambda: Attending(8, 2),
        lambda: Attending(8, 2, hidden=21),
        ROWS,
    ),
    "a layer of attention more": (
        lambda: Attending(8, 2),
        lambda: Attending(8, 2, layers=2),
        ROWS,
    ),
}


@pytest.mark.parametrize("case", PRESERVED)
def test_the_function_is_preserved(case: str) -> None:
    build_parent, build_child, shape = PRESERVED[case]
    torch.manual_seed(3)
    parent, child = trained(build_parent(), shape), build_child()
    found = inherit_weights(child, parent, batch(shape), seed=5)
    x = batch(shape, seed=2)  # other inputs than those it was matched on
    expected, got = outputs(parent, x), outputs(child, x)
    assert float(expected.std()) > 1e-3  # else any network would do
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    assert found.how == "net2net"
    assert found.share > 0


def test_equal_networks_share_all_values_and_inserted_ones_count_as_new() -> None:
    parent = trained(convolutional(4, 6), IMAGE)
    assert inherit_weights(convolutional(4, 6), parent, batch(IMAGE)).share == 1.0
    deeper = convolutional(4, 6, 6)
    new = sum(weight.numel() for weight in deeper[2].parameters())
    total = sum(weight.numel() for weight in deeper.parameters())
    found = inherit_weights(deeper, parent, batch(IMAGE))
    assert found.share == pytest.approx(1 - new / total)


def test_running_statistics_are_copied_along() -> None:
    parent, child = trained(convolutional(4, 6), IMAGE), convolutional(7, 6)
    inherit_weights(child, parent, batch(IMAGE))
    own, theirs = child[0][1], parent[0][1]
    assert torch.equal(own.running_mean[:4], theirs.running_mean)
    assert torch.equal(own.running_var[:4], theirs.running_var)
    assert {*own.running_mean[4:].tolist()} <= {*theirs.running_mean.tolist()}


def test_a_narrower_layer_has_the_first_rows_and_columns() -> None:
    parent, child = trained(perceptron(9, 8), ROW), perceptron(5, 6)
    found = inherit_weights(child, parent, batch(ROW))
    assert torch.equal(child[0][0].weight, parent[0][0].weight[:5])
    assert torch.equal(child[1][0].weight, parent[1][0].weight[:6, :5])
    assert torch.equal(child[2].weight, parent[2].weight[:, :6])
    assert (found.how, found.share) == ("aligned", 1.0)
    assert found.difference > 1e-3


def test_copies_of_a_unit_do_not_learn_the_same() -> None:
    parent, child = trained(perceptron(4), ROW), perceptron(8)
    inherit_weights(child, parent, batch(ROW))
    rows = child[0][0].weight.detach()
    pairs = [(i, j) for i in range(4) for j in range(4, 8) if torch.equal(rows[i], rows[j])]
    assert pairs
    child.train()(batch(ROW)).square().sum().backward()
    gradient = child[0][0].weight.grad
    for i, j in pairs:  # Adam's steps do not depend on the size of a gradient
        one, other = gradient[i] / gradient[i].norm(), gradient[j] / gradient[j].norm()
        assert not torch.allclose(one, other, atol=1e-3)
    split = child[1].weight.detach()
    for i, j in pairs:
        ratio = split[:, i] / split[:, j]
        assert float(ratio.std()) > 0.01  # each copy is read in a way of its own


def test_inserted_layers_get_a_gradient() -> None:
    parent, child = trained(Residual(4, 6, 1), IMAGE), Residual(4, 6, 2)
    inherit_weights(child, parent, batch(IMAGE))
    child.train()(batch(IMAGE)).square().sum().backward()
    assert float(child.blocks[1][3].weight.grad.abs().max()) > 0


class Shifted(nn.Module):
    """A chain of maps to which constants are added."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(6, 6, bias=False) for _ in range(depth))
        self.shifts = nn.ParameterList(nn.Parameter(torch.randn(6)) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for each, shift in zip(self.maps, self.shifts, strict=True):
            x = torch.tanh(each(x) + shift)
        return x


def test_a_sum_with_a_constant_is_no_branch() -> None:
    parent, child = trained(Shifted(2), ROW), Shifted(3)
    inherit_weights(child, parent, batch(ROW))
    assert all(bool((each.weight != 0).all()) for each in child.maps)


def test_a_branch_may_be_added_to_the_input() -> None:
    class Added(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.maps = nn.ModuleList(nn.Linear(6, 6) for _ in range(depth))

        def forward(self, x: Tensor) -> Tensor:
            for each in self.maps:
                x = x + torch.tanh(each(x))
            return x

    parent = trained(Added(1), ROW)
    assert inherit_weights(Added(3), parent, batch(ROW)).how == "net2net"


def test_heads_are_not_mixed() -> None:
    parent, child = trained(Attending(8, 2), ROWS), Attending(8, 4)
    before = child.project[0].weight.detach().clone()
    inherit_weights(child, parent, batch(ROWS))
    assert torch.equal(child.project[0].weight, before)  # starts fresh
    assert torch.equal(child.mlp[0].weight, parent.mlp[0].weight)


def test_a_wider_stream_keeps_the_heads() -> None:
    parent, child = trained(Attending(8, 2), ROWS), Attending(12, 2)
    found = inherit_weights(child, parent, batch(ROWS))
    kept = child.project[0].weight[:, :8] / parent.project[0].weight
    assert bool((kept > 0).all() & (kept <= 1 + 1e-6).all())
    assert torch.equal(child.place[..., :8], parent.place)
    assert (found.how, found.share) == ("aligned", 1.0)


def test_an_inserted_block_shifts_the_blocks_behind_it() -> None:
    def stages(first: int) -> nn.Sequential:
        blocks = [block(3, 4), *(block(4, 4) for _ in range(first)), block(4, 6), block(6, 6)]
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))

    parent, child = trained(stages(1), IMAGE), stages(2)
    inherit_weights(child, parent, batch(IMAGE))
    for i, j in ((0, 0), (1, 1), (3, 2), (4, 3), (7, 6)):
        for own, theirs in zip(child[i].parameters(), parent[j].parameters(), strict=True):
            assert torch.equal(own, theirs)


def test_without_an_example_equal_names_and_shapes_are_copied() -> None:
    parent, child = trained(perceptron(8, 8), ROW), perceptron(8, 9)
    fresh = child[1][0].weight.detach().clone()
    found = inherit_weights(child, parent)
    assert torch.equal(child[0][0].weight, parent[0][0].weight)
    assert torch.equal(child[1][0].weight, fresh)
    assert found.how == "same"
    assert 0 < found.share < 1
    assert found.difference != found.difference


def test_networks_with_nothing_in_common_start_fresh() -> None:
    parent, child = trained(perceptron(8), ROW), nn.Sequential(nn.Flatten(), nn.Bilinear(1, 1, 5))

    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.other = nn.Bilinear(6, 6, 5)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.other(x, x)
            return out

    child = Other()
    before = child.other.weight.detach().clone()
    found = inherit_weights(child, parent, batch(ROW))
    assert (found.how, found.share) == ("fresh", 0.0)
    assert torch.equal(child.other.weight, before)


def test_the_parent_the_modes_and_the_generator_stay() -> None:
    parent, child = trained(convolutional(4), IMAGE), convolutional(6).train()
    child[0][1].eval()
    before = {name: x.clone() for name, x in parent.state_dict().items()}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    inherit_weights(child, parent, batch(IMAGE))
    assert all(torch.equal(x, parent.state_dict()[name]) for name, x in before.items())
    assert child.training
    assert not child[0][1].training
    assert torch.equal(torch.get_rng_state(), state)


def test_the_settings_of_the_program_do_not_matter() -> None:
    parent, child, x = trained(perceptron(8), ROW), perceptron(12), batch(ROW)
    with torch.device("meta"), torch.autocast("cpu"):
        found = inherit_weights(child, parent, x)
    assert found.how == "net2net"


def test_the_seed_decides_which_units_are_copied() -> None:
    parent = trained(perceptron(8), ROW)

    def rows(seed: int) -> Tensor:
        child = perceptron(30)
        inherit_weights(child, parent, batch(ROW), seed=seed)
        return torch.cat([child[0][0].weight, child[1].weight.T], dim=1).detach()

    assert torch.equal(rows(1), rows(1))
    assert not torch.equal(rows(1), rows(2))


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(9, width)
            self.head = nn.Linear(width, 9, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(self.embedding(x).mean(1))
            return out

    parent, child = Tied(4), Tied(6)
    found = inherit_weights(child, parent, torch.arange(8).view(2, 4))
    assert child.head.weight is child.embedding.weight
    assert torch.equal(child.embedding.weight[:, :4], parent.embedding.weight)
    assert found.share == 1.0


def of_space(
    space: Space, own: dict[str, object], other: dict[str, object], side: int
) -> Inheritance:
    """Inherit between two architectures of a space, on random images."""
    torch.manual_seed(2)
    shape = (3, side, side)
    parent = trained(space.build(space.completed(own)), shape)
    return inherit_weights(space.build(space.completed(other)), parent, batch(shape))


MOBILE = MobileSpace(image_size=16)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("stage2_block1_expansion", 3, 6),
        ("stage2_block1_kernel", 3, 7),
        ("stage2_depth", 1, 2),
        ("stage3_depth", 1, 3),
    ],
)
def test_growing_a_mobile_network_preserves_its_function(
    name: str, before: int, after: int
) -> None:
    small = {p: d.choices[0] for p, d in MOBILE.distributions.items()}
    found = of_space(MOBILE, {**small, name: before}, {**small, name: after}, 16)
    assert found.how == "net2net"


def test_a_new_edge_of_a_cell_preserves_its_function() -> None:
    space = NASBench201(channels=4, cells=1)
    own = dict.fromkeys(space.parameters, "nor_conv_3x3")
    found = of_space(space, {**own, "edge_0_3": "none"}, own, 8)
    assert found.how == "net2net"
    assert found.share > 0.8


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "mgu"])
def test_a_deeper_residual_recurrence_preserves_its_function(cell: str) -> None:
    space = RecurrentSpace(inputs=6, length=7)
    own = {"cell": cell, "width": 32, "bidirectional": True, "residual": True, "layer_norm": True}
    one, more = (space.completed({**own, "depth": depth}) for depth in (2, 3))
    torch.manual_seed(2)
    found = inherit_weights(space.build(more), trained(space.build(one), ROWS), batch(ROWS))
    assert found.how == "net2net"


def test_another_mixture_of_experts_preserves_the_function() -> None:
    space = TransformerSpace(image_size=16, depths=(1, 2), experts=(4,), top_k=(2,))
    own = {p: d.choices[0] for p, d in space.distributions.items()}
    found = of_space(space, {**own, "depth": 1}, {**own, "depth": 2}, 16)
    assert found.how == "net2net"


def test_a_deeper_transformer_preserves_its_function() -> None:
    space = TransformerSpace(image_size=16, depths=(1, 2), experts=(1,))
    own = {p: d.choices[0] for p, d in space.distributions.items()}
    found = of_space(space, {**own, "depth": 1}, {**own, "depth": 2}, 16)
    assert found.how == "net2net"
