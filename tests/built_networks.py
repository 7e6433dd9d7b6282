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
