import itertools

import numpy as np
import pytest
import torch
from torch import nn

from bonas.errors import InvalidArgument, InvalidSpace
from bonas.gradient_search.mixture.cells import mix_cells
from bonas.gradient_search.mixture.darts import EdgeWeights, mix_darts
from bonas.gradient_search.mixture.decision import Decision
from bonas.gradient_search.mixture.mixed_operation import MixedOperation
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.spaces import CellSpace, Choices, DARTSSpace, MLPSpace, NASBench201, Space
from bonas.spaces.cells.network import OPERATIONS
from bonas.spaces.darts.cell import KERNELS

CELLS = CellSpace(3, tuple(OPERATIONS), channels=3, cells=2, stages=2, in_channels=1, image_size=6)
DARTS = DARTSSpace(
    3,
    operations=tuple(KERNELS),
    channels=2,
    cells=3,
    in_channels=1,
    image_size=6,
    repeat_inputs=True,
)


def decide(mixture: Mixture, choices: Choices) -> None:
    for name in mixture.decisions:
        mixture.decision(name).keep([choices[name]])


def same_weights(network: nn.Module, mixture: Mixture, space: Space) -> None:
    """Give a network of the space the weights that its operations have in the mixture."""
    own = dict(network.named_parameters())
    shared = dict(mixture.network.named_parameters())
    for name, parameter in own.items():
        if name in shared:  # stem, reductions, head, inputs of a cell
            parameter.data.copy_(shared[name])
    for name, module in network.named_modules():
        if not name.rpartition(".")[0].endswith("operations"):
            continue
        cell, place = name.rsplit(".operations.", 1)
        mixed = mixture.network.get_submodule(cell)
        if isinstance(space, DARTSSpace):
            state, n = map(int, place.split("_"))
            operation, source = network.get_submodule(cell).design[state - 2][n]
            place = f"{state}_{source}"
        else:
            edge = f"edge_{place}"
            operation = edge_choices[edge]
        found = mixed.operations[place].operations[operation]
        state_dict = {**module.state_dict(), **found.state_dict()}
        module.load_state_dict(state_dict)


edge_choices: dict[str, str] = {}


@pytest.mark.parametrize("space", [CELLS, DARTS], ids=["cells", "darts"])
def test_a_mixture_that_has_decided_is_the_network_of_its_choices(space: Space) -> None:
    x = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    mixture, rng = Mixture.of(space, seed=3), np.random.default_rng(0)
    for _ in range(8):
        choices = space.sample(rng)
        edge_choices.update({n: str(c) for n, c in choices.items()})
        decide(mixture, choices)
        network = space.build(choices).train()
        same_weights(network, mixture, space)
        torch.testing.assert_close(mixture(x), network(x))


@pytest.mark.parametrize("repeat", [False, True])
def test_an_edge_of_darts_weighs_an_operation_as_often_as_a_draw_has_it(repeat: bool) -> None:
    space = DARTSSpace(3, operations=("skip_connect", "sep_conv_3x3"), repeat_inputs=repeat)
    drawn = torch.Generator().manual_seed(0)
    parts = [
        Decision(space.options[f"normal_4_{part}"], drawn) for part in ("inputs", "first", "second")
    ]
    for part in parts:
        part.logits.data = torch.randn(len(part.options), generator=drawn)
    counted = torch.zeros(4, 2)  # source x operation
    for drawn_options in itertools.product(*(enumerate(part.options) for part in parts)):
        chance = torch.stack(
            [part()[i] for part, (i, _) in zip(parts, drawn_options, strict=True)]
        ).prod()
        (_, pair), (first, _), (second, _) = drawn_options
        one, other = map(int, pair.split("+"))
        counted[one, first] += chance.detach()
        counted[other, second] += chance.detach()
    for source in range(4):
        torch.testing.assert_close(EdgeWeights(source, *parts)().detach(), counted[source])


def test_a_mixed_operation_is_a_weighted_sum() -> None:
    decision = Decision(("a", "none", "b"), torch.Generator())
    decision.logits.data = torch.tensor([0.5, 0.3, 0.2]).log()
    operations = {"a": nn.Identity(), "none": None, "b": nn.Hardtanh(0.0, 1.0)}
    mixed = MixedOperation(operations, decision)
    # 0.5 x + 0 + 0.2 clamp(x): 4 -> 2.2, -1 -> -0.5
    torch.testing.assert_close(mixed(torch.tensor([4.0, -1.0])), torch.tensor([2.2, -0.5]))


def test_weights_and_logits_are_all_parameters_and_no_weight_is_a_scale_of_an_operation() -> None:
    mixture = Mixture.of(CELLS)
    assert len(mixture.logits) == len(CELLS.parameters)
    both = {id(p) for p in (*mixture.weights, *mixture.logits)}
    assert both == {id(p) for p in mixture.parameters()}
    assert len(both) == len(mixture.weights) + len(mixture.logits)
    names = [name for name, _ in mixture.network.named_parameters()]
    mixed = [name for name in names if ".operations." in name and "weights." not in name]
    assert mixed
    assert not any(name.endswith("bias") for name in mixed)


def test_constants_of_darts_are_no_weights_and_no_logits() -> None:
    space = DARTSSpace(2, channels=2, cells=3)  # state 2 has one pair of inputs
    mixture = Mixture.of(space)
    assert set(mixture.decisions) == set(space.parameters)
    assert not any(weight.shape == (1,) for weight in mixture.weights)


def test_a_mixture_gives_every_weight_and_every_logit_a_gradient() -> None:
    for space in (CELLS, DARTS):
        mixture = Mixture.of(space)
        mixture(torch.randn(4, 1, 6, 6)).square().sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in mixture.logits)
        assert all(p.grad is not None for p in mixture.weights)


def test_a_seed_decides_weights_and_logits_and_torch_keeps_its_random_state() -> None:
    before = torch.get_rng_state()
    first, again, other = (Mixture.of(DARTS, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["network.stem.0.weight"], other["network.stem.0.weight"])
    assert torch.equal(torch.get_rng_state(), before)


def test_dropped_options_have_no_probability_and_come_back() -> None:
    decision = Decision(("a", "b", "c"), torch.Generator())
    with decision.without("b"), decision.without("c"):
        assert decision.left == ["a"]
        assert decision().tolist() == [1.0, 0.0, 0.0]
    assert decision.left == ["a", "b", "c"]
    with pytest.raises(InvalidArgument, match="unknown option 'd'"):
        decision.keep(["d"])


def test_spaces_whose_operations_cannot_be_mixed_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="expected a CellSpace or a DARTSSpace, got a MLP"):
        Mixture.of(MLPSpace(8, 2))
    nothing = CellSpace(operations=("none",), allow_disconnected=True)
    with pytest.raises(InvalidSpace, match="can be mixed"):
        mix_cells(nothing, nothing.build, {})
    empty = DARTSSpace(operations=("none",))
    with pytest.raises(InvalidSpace, match="can be mixed"):
        mix_darts(empty, empty.build, {})


def test_operations_start_with_the_weights_of_a_supernet() -> None:
    from bonas.supernets.supernet import Supernet

    space = NASBench201(channels=3, cells=1)
    supernet = Supernet(space, seed=5)
    choices = dict.fromkeys(space.parameters, "nor_conv_3x3")
    trained = supernet.network(choices)
    mixture = Mixture.of(space, initial=supernet)
    decide(mixture, choices)
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(mixture(x), trained(x))
    with pytest.raises(InvalidArgument, match="expected a supernet of the space"):
        Mixture.of(NASBench201(channels=4, cells=1), initial=supernet)
