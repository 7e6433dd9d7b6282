"""Which of very many trials teach the surrogate: exact processes are fitted to some thousand.

All of the latest, the best of those before, and an even sample of the others, so that the surrogate
knows the front closely and the rest of the space well enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bonas.studies.proposing.milestones import milestone

MOST = 1_000
"""Trials of before the latest milestone that teach; up to a tenth of all come after it."""
_CHUNK = 1_000  # rows that are compared with all others at once


def lesson(values: Tensor, most: int = MOST) -> Sequence[int]:
    """The rows of ``n x m`` oriented values that teach, ascending; all where they are few.

    It is decided at milestones of the study, so that a model that was fitted before can grow.

    >>> lesson(torch.tensor([[1.0], [4.0], [3.0], [2.0], [5.0]]), most=9)
    range(0, 5)
    """
    n = len(values)
    settled = milestone(n)
    if settled <= most:
        return range(n)
    order = torch.argsort(_better(values[:settled]), stable=True)
    best = order[: most // 2]
    others = np.sort(order[most // 2 :].numpy())
    spaced = others[np.linspace(0, len(others) - 1, most - len(best)).round().astype(int)]
    return [*np.sort(np.concatenate([best.numpy(), spaced])).tolist(), *range(settled, n)]


def _better(values: Tensor) -> Tensor:
    """For each of ``n`` rows the number of rows that are at least as good in all objectives."""
    counts = []
    for rows in torch.split(values, _CHUNK):
        good = torch.ones(len(rows), len(values), dtype=torch.bool)
        for own, all_ in zip(rows.T, values.T, strict=True):
            good &= all_ >= own.unsqueeze(1)
        counts.append(good.sum(1))
    return torch.cat(counts)
