"""Facts about the scores of activation patterns: naswot and swap."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from probes import Called, linear, probe_of
from torch import Tensor, nn
from torch.nn.functional import gelu, leaky_relu, relu

from bonas.errors import NoScore
from bonas.evaluation.zero_cost.naswot import naswot
from bonas.evaluation.zero_cost.swap import swap

X = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])

ACTIVATIONS: list[Callable[[Tensor], Tensor]] = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    nn.GELU(),
    nn.SiLU(),
    nn.ReLU6(),
    nn.PReLU(),
    relu,
    gelu,
    leaky_relu,
    torch.relu,
    torch.tanh,
    Tensor.relu,
    lambda x: x.clone().relu_(),
    lambda x: x.clamp(min=0),
    lambda x: torch.clamp_min(x, 0.0),
]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_inputs_are_compared_by_which_units_are_on(activation: Callable[[Tensor], Tensor]) -> None:
    # on: (1, 1), (1, 0), (0, 0). K + I = [[3, 1, 0], [1, 3, 1], [0, 1, 3]], whose determinant is 21
    network = nn.Sequential(linear([[1, 0], [0, 1]]), Called(activation))
    assert naswot(probe_of(network, X)) == pytest.approx(math.log(21))


def test_all_activations_count() -> None:
    # the first layer as above; behind it all units are on: K + I = that + 2
    network = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
    nn.init.zeros_(network[1].weight)
    nn.init.ones_(network[1].bias)
    K = torch.tensor([[5.0, 3, 2], [3, 5, 3], [2, 3, 5]])
    assert naswot(probe_of(network, X)) == pytest.approx(float(torch.logdet(K)))


def test_inputs_that_are_not_distinguished_have_a_finite_score() -> None:
    network = nn.Sequential(Called(lambda x: x * 0.0), nn.ReLU())
    assert naswot(probe_of(network, X)) == pytest.approx(math.log(3 * 2 + 1))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [True, False])
def test_units_of_recurrent_layers_are_seen(
    kind: Callable[..., nn.Module], batch_first: bool
) -> None:
    """Also where time comes first and has as many steps as there are inputs."""
    torch.manual_seed(0)
    cells, x = kind(3, 4, batch_first=batch_first), torch.randn(5, 5, 3)

    def run(x: Tensor) -> Tensor:
        out: Tensor = cells(x if batch_first else x.transpose(0, 1))[0]
        return out

    network = Called(run)
    network.cells = cells
    out = run(x).detach()
    signs = 2.0 * ((out if batch_first else out.transpose(0, 1)) > 0).flatten(1).double() - 1.0
    K = (20 + signs @ signs.T) / 2 + torch.eye(5)
    assert naswot(probe_of(network, x)) == pytest.approx(float(torch.logdet(K)))


@pytest.mark.parametrize("score", [naswot, swap])
def test_a_network_without_activations_is_refused(score: Callable[..., float]) -> None:
    with pytest.raises(NoScore, match=r"expected a network with activations .*got none; leave out"):
        score(probe_of(nn.Linear(2, 2), X))


def test_distinct_patterns_are_counted_once() -> None:
    # four units: on at inputs {1, 2}, {1}, {3} and again {1, 2}
    network = nn.Sequential(linear([[1, 0], [0, 1], [-1, 0], [2, 0]]), nn.ReLU())
    assert swap(probe_of(network, X)) == 3


def test_patterns_of_many_inputs_are_told_apart() -> None:
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    on = (torch.cat([x, x, -x], dim=1) > 0).T.tolist()
    network = Called(lambda x: torch.relu(torch.cat([x, x, -x], dim=1)))
    assert swap(probe_of(network, x)) == len({tuple(row) for row in on}) == 12
