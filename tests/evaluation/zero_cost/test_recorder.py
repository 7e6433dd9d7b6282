"""Facts about what is seen of a forward pass: layouts of maps, and where inputs enter."""

from __future__ import annotations

import pytest
import torch
from probes import Called, probe_of
from torch import Tensor, nn

from bonas.evaluation.zero_cost.jacov import jacov
from bonas.evaluation.zero_cost.recorder import Layer, by_input


@pytest.mark.parametrize(
    ("shape", "rows", "expected"),
    [
        ((4, 5, 6), 4, (4, 5, 6)),
        ((7, 4, 6), 4, (4, 7, 6)),  # time first
        ((8, 5, 6), 4, (4, 2, 5, 6)),  # two windows of each input
        ((6, 5), 4, None),
        ((), 4, None),
        ((0, 4), 4, None),
    ],
)
def test_the_batch_of_a_tensor_is_found(
    shape: tuple[int, ...], rows: int, expected: tuple[int, ...] | None
) -> None:
    found = by_input(torch.zeros(shape), rows)
    assert (None if found is None else tuple(found.shape)) == expected


@pytest.mark.parametrize(
    ("shape", "convolution", "expected"),
    [
        ((4, 3, 5, 6), True, (4, 3, 30)),
        ((8, 3, 5), True, (4, 3, 10)),
        ((4, 5, 3), False, (4, 3, 5)),
        ((4, 2, 5, 3), False, (4, 3, 10)),
        ((4, 3), True, (4, 3, 1)),  # a flat map behind a convolution
    ],
)
def test_channels_come_before_positions(
    shape: tuple[int, ...], convolution: bool, expected: tuple[int, ...]
) -> None:
    values = torch.zeros(shape)
    axis = 1 if convolution else -1
    values += torch.arange(3.0).reshape(
        [3 if i == axis % len(shape) else 1 for i in range(len(shape))]
    )
    found = Layer(values, convolution).channels(values, 4)
    assert found is not None
    assert tuple(found.shape) == expected
    assert torch.equal(found, torch.arange(3.0)[:, None].expand(expected))


def test_an_activation_behind_a_flat_convolution_is_seen() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.ReLU())
    probe = probe_of(network, torch.randn(5, 3, 6, 6))
    assert [tuple(x.shape) for x in probe.patterns] == [(5, 32)]
    assert [tuple(x.shape) for x in probe.feature_maps] == [(2, 16)]


class Tokens(nn.Module):
    """Tokens with what is often computed before their embedding, or in its place."""

    def __init__(self, embedded: bool, distracted: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.places = nn.Embedding(6, 6), nn.Embedding(5, 6)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 2))
        self.embedded, self.distracted = embedded, distracted

    def forward(self, ids: Tensor) -> Tensor:
        extra: Tensor | float = 0.0
        if self.distracted:  # five positions, like the five inputs, a state, and a mask
            positions = self.places(torch.arange(5))
            state = torch.zeros(5, 6) + torch.zeros_like(ids, dtype=torch.float32)[:, :1]
            mask = (ids >= 0).float()[:, :, None]
            extra = 0.0 * (positions + state[:, None] + mask)
        if self.embedded:
            found = self.table(ids)
        else:
            found = nn.functional.one_hot(ids, 6).float() @ self.table.weight
        out: Tensor = self.head(found + extra)
        return out


def test_gradients_of_tokens_are_taken_at_their_own_embedding() -> None:
    ids = torch.randint(6, (5, 5), generator=torch.Generator().manual_seed(1))
    plain, distracted = Tokens(True, False), Tokens(True, True)
    expected = jacov(probe_of(plain.head, plain.table(ids).detach()))
    assert jacov(probe_of(plain, ids)) == pytest.approx(expected, rel=1e-4)
    assert jacov(probe_of(distracted, ids)) == pytest.approx(expected, rel=1e-4)


def test_without_an_embedding_they_are_taken_at_the_first_floats_of_the_tokens() -> None:
    ids = torch.randint(6, (5, 5), generator=torch.Generator().manual_seed(1))
    network = Tokens(False, False)
    weight = network.table.weight
    behind = nn.Sequential(Called(lambda x: x @ weight), network.head)
    expected = jacov(probe_of(behind, nn.functional.one_hot(ids, 6).float()))
    assert jacov(probe_of(network, ids)) == pytest.approx(expected, rel=1e-4)
