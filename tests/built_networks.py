"""Samples of spaces and sizes of built networks, for the tests of all spaces."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces import Choices, Space

seeds = st.integers(0, 2**32 - 1)


def drawn(space: Space, seed: int) -> Choices:
    """Return the sample of a seed."""
    return space.sample(np.random.default_rng(seed))


def parameters_of(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def multiply_adds_of(network: nn.Module, *shape: int) -> float:
    """Return the multiply-adds for one example of ``shape``, as torch counts them in a run."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(2, *shape))
    flops: int = counter.get_total_flops()
    return flops / 4  # of two examples, two per multiply-add


def check_trains_at_its_costs(space: Space, choices: Choices) -> None:
    """Assert that a network of images trains, and costs what the space says of it."""
    torch.manual_seed(0)
    network, costs = space.build(choices), space.costs(choices)
    counter = FlopCounterMode(display=False)
    with counter:
        out = network(torch.randn(2, *space.input_shape))  # type: ignore[attr-defined]  # of images
    assert out.shape == (2, space.classes)  # type: ignore[attr-defined]  # of images
    assert parameters_of(network) == costs["parameters"]
    assert counter.get_total_flops() == 2 * 2 * costs["multiply_adds"]
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
