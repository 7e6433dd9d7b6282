"""Networks that compute different things have different graphs; one network has one graph."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from equal_networks import EQUAL
from small_networks import Make
from torch import Tensor, nn
from variants_of_functions import FUNCTIONS
from variants_of_layers import LAYERS
from variants_of_orders import ORDERS

from bonas.spaces.tracing.calls import tensors_of
from bonas.spaces.tracing.trace import traced
from bonas.spaces.tracing.unallocated import unallocated, without_memory

VARIANTS = FUNCTIONS | LAYERS | ORDERS


def identity(make: Make, shape: tuple[int, ...]) -> str:
    """Return the hash of a network that is built and run without memory."""
    with unallocated():
        network = without_memory(make())
    return traced(network, torch.zeros(shape, device="meta")).graph.canonical_hash


def outputs(make: Make, x: Tensor) -> list[Tensor]:
    torch.manual_seed(0)
    network = make().eval()
    with torch.no_grad():
        return tensors_of(network(x.clone()))


def agree(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_networks_that_compute_different_things_have_different_graphs(name: str) -> None:
    shape, variants = VARIANTS[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    made = [outputs(make, x) for make in variants]
    known = [identity(make, shape) for make in variants]
    pairs = list(combinations(range(len(variants)), 2))
    different = [
        (i, j) for i, j in pairs if len(made[i]) != len(made[j]) or not agree(made[i], made[j])
    ]
    assert different == pairs, "the table holds two variants that compute the same"
    assert [(i, j) for i, j in pairs if known[i] == known[j]] == []


@pytest.mark.parametrize("name", EQUAL)
def test_one_network_has_one_graph_in_any_notation(name: str) -> None:
    shape, ways = EQUAL[name]
    assert len({identity(make, shape) for make in ways}) == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_a_run_with_values_shows_the_same_graph(name: str) -> None:
    shape, variants = VARIANTS[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    for make in variants:
        assert traced(make(), x).graph.canonical_hash == identity(make, shape)


def test_the_table_is_wide() -> None:
    assert len(VARIANTS) >= 60
    assert all(len(variants) > 1 for _, variants in VARIANTS.values())
    assert isinstance(VARIANTS["softmax"][1][0](), nn.Module)
