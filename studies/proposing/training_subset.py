"""Select the training subset, and when to refit: both follow from the number of trials alone.

Exact Gaussian processes scale cubically, so a large study is subsampled to about 1,000 trials: all
of the latest, the best of those before, and an even sample of the others, so that the surrogate
knows the front closely and the rest of the space well enough.

What is costly to decide, the hyper-parameters and the subset, is decided again at every trial up to
the 30th, and after that each time a tenth more trials have finished (33, 36, 39, 42, 46, ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SUBSET_SIZE = 1_000
"""Trials before the latest refit that are kept; up to a tenth of all come after it."""
_EVERY = 30  # trials until which each one is followed by a refit
_CHUNK = 1_000  # rows that are compared with all others at once


def latest_refit(n: int) -> int:
    """Return the number of trials at the latest refit, where ``n`` are finished.

    >>> [latest_refit(n) for n in (5, 30, 32, 33, 100, 2000)]
    [5, 30, 30, 33, 94, 1890]
    """
    m = min(n, _EVERY)
    while m >= _EVERY and m + m // 10 <= n:
        m += m // 10
    return m


def training_subset(values: Tensor, size: int = SUBSET_SIZE) -> Sequence[int]:
    """Return the rows of ``n x m`` oriented values to train on, ascending; all where they are few.

    It is decided at refits, so that a model that was fitted before can grow.

    >>> training_subset(torch.tensor([[1.0], [4.0], [3.0], [2.0], [5.0]]), size=9)
    range(0, 5)
    """
    n = len(values)
    refit = latest_refit(n)
    if refit <= size:
        return range(n)
    order = torch.argsort(_dominators(values[:refit]), stable=True)
    best = order[: size // 2]
    others = np.sort(order[size // 2 :].numpy())
    spaced = others[np.linspace(0, len(others) - 1, size - len(best)).round().astype(int)]
    return [*np.sort(np.concatenate([best.numpy(), spaced])).tolist(), *range(refit, n)]


def _dominators(values: Tensor) -> Tensor:
    """Count for each of ``n`` rows the rows that are at least as good in all objectives.

    An objective that was not measured, NaN, counts as worse than any value.
    """
    values = values.nan_to_num(nan=-torch.inf)
    counts = []
    for rows in torch.split(values, _CHUNK):
        good = torch.ones(len(rows), len(values), dtype=torch.bool)
        for own, all_ in zip(rows.T, values.T, strict=True):
            good &= all_ >= own.unsqueeze(1)
        counts.append(good.sum(1))
    return torch.cat(counts)
