"""Recalibration: the statistics of batch norms, from batches of the rows that a network trains on.

Running means and variances belong to weights. A network that got its weights from elsewhere, as a
part of a supernet does, has none that fit; without them it predicts nothing. They are averages over
``B`` batches, each passed once through the network:

    mean = 1/B sum_b mean_b        variance = 1/B sum_b variance_b

with the unbiased variance of each batch. All else is in evaluation mode: what a network drops at
random while it trains is not dropped when it is used.

Sources: Yu and Huang (2019), "Universally slimmable networks and improved training techniques",
ICCV; Cai et al. (2020), "Once-for-all", ICLR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TypeGuard, cast

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

BATCHES = 8
"""How many batches are enough: the error of a mean is that of a few hundred rows."""


def recalibrate(network: nn.Module, passes: Iterable[Callable[[], object]]) -> bool:
    """Set the running statistics of a network to averages over batches.

    No random number is drawn by modules that do so only in training. Modes and momenta are put
    back.

    Args:
        network: Its buffers are changed.
        passes: Each runs it once on a batch, of the size that it trains with; none is taken where
            there is nothing to set.

    Returns:
        Whether the network has running statistics.
    """
    norms = [part for part in network.modules() if _is_running(part)]
    if not norms:
        return False
    with ExitStack() as stack:
        for part in network.modules():
            stack.callback(setattr, part, "training", part.training)
        network.eval()
        for norm in norms:
            stack.callback(setattr, norm, "momentum", norm.momentum)
            norm.reset_running_stats()
            norm.momentum, norm.training = None, True  # None: the average over all since the reset
            if isinstance(norm, _InstanceNorm):  # which reads None as 0
                stack.callback(norm.register_forward_pre_hook(_Average()).remove)
        with torch.no_grad():
            for run in passes:
                run()
    return True


class _Average:
    """A hook before a norm is called: its momentum is such that its statistics are averages."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, norm: nn.Module, inputs: object) -> None:
        self._calls += 1
        cast("_NormBase", norm).momentum = 1 / self._calls


def _is_running(part: nn.Module) -> TypeGuard[_NormBase]:
    return isinstance(part, _NormBase) and part.running_mean is not None
