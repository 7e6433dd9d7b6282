"""Facts about the scores of feature maps and of weights: MeCo, zen and the norm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from probes import convolutional, images, linear, probe_of
from torch import nn

from bonas.errors import NoScore
from bonas.evaluation.zero_cost.l2_norm import l2_norm
from bonas.evaluation.zero_cost.meco import meco
from bonas.evaluation.zero_cost.zen import zen


def test_meco_sums_smallest_eigenvalues_over_layers_and_activations() -> None:
    network, x = convolutional(), images()
    plain = nn.Sequential(*[nn.ReLU() if isinstance(m, nn.ReLU) else m for m in network])
    expected, value = 0.0, x[:1]
    for module in plain[:4]:
        value = module(value)
        channels = value[0].flatten(1).detach().numpy()
        expected += np.linalg.eigvalsh(np.corrcoef(channels))[0]
    assert expected > 0.01
    assert meco(probe_of(network, x)) == pytest.approx(expected)


def test_a_map_with_a_channel_that_does_not_vary_adds_nothing() -> None:
    conv = nn.Conv2d(3, 4, 1).double()
    with torch.no_grad():
        conv.weight[2] = 0.0
    assert meco(probe_of(conv, images())) == 0.0


def test_maps_of_tokens_have_their_channels_last() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(3, 3), torch.randn(4, 9, 3)
    expected = np.linalg.eigvalsh(np.corrcoef(layer(x)[0].detach().numpy().T))[0]
    assert meco(probe_of(layer, x)) == pytest.approx(expected, rel=1e-4)


def test_without_positions_there_is_no_map() -> None:
    with pytest.raises(NoScore, match=r"more positions .* than channels, got none"):
        meco(probe_of(linear([[1, 2]], [[3]]), torch.randn(4, 2)))


def test_zen_measures_the_change_of_what_is_pooled() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    ).double()
    found = zen(probe_of(network, images(), seed=5))
    weights, inputs = torch.Generator().manual_seed(5), torch.Generator().manual_seed(6)
    w = torch.randn(4, 3, 3, 3, generator=weights).double()
    x, e = (torch.randn(6, 3, 6, 6, generator=inputs) for _ in range(2))
    norm = nn.BatchNorm2d(4).double()
    still = norm(torch.conv2d(x.double(), w)).relu()
    moved = norm(torch.conv2d((x + 0.01 * e).double(), w)).relu()
    change = (still - moved).detach().abs().sum(dim=(1, 2, 3)).mean()
    assert norm.running_var is not None
    expected = math.log(change) + 0.5 * math.log(norm.running_var.mean())
    assert found == pytest.approx(expected, abs=1e-3)  # the second pass has another variance


def test_zen_takes_what_enters_the_last_linear_layer_where_nothing_is_pooled() -> None:
    network = nn.Sequential(nn.Embedding(5, 3), nn.LayerNorm(3), nn.Flatten(), nn.Linear(6, 2))
    before = network[3].weight.detach().clone()
    assert math.isfinite(zen(probe_of(network, torch.randint(5, (4, 2)))))
    assert torch.equal(network[3].weight, before)


def test_zen_of_a_network_of_convolutions_measures_its_output() -> None:
    conv = nn.Conv2d(3, 4, 1, bias=False).double()
    weights, inputs = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)
    w = torch.randn(4, 3, 1, 1, generator=weights).double()
    _, e = (torch.randn(6, 3, 6, 6, generator=inputs) for _ in range(2))
    change = torch.conv2d(0.01 * e.double(), w).abs().sum() / 6
    assert zen(probe_of(conv, images())) == pytest.approx(math.log(change), abs=1e-4)


def test_norms_of_matrices_are_added_up() -> None:
    assert l2_norm(probe_of(linear([[3, 4]], [[-2]]), torch.ones(2, 2))) == pytest.approx(7)
