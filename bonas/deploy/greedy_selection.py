"""Greedy ensemble selection: networks are drawn, with replacement, to lower a validation loss.

    step k:  m_k = argmin_m  L((p_1 + ... + p_(k-1) + p_m) / k)    over the affordable m
    chosen:  the shortest prefix of m_1, m_2, ... of the smallest loss
    share of a network = how often it is in the prefix / length of the prefix

p: a network's predictions on the validation rows, probabilities or numbers. L: log loss, or mean
squared error; not the error rate, whose steps of one row hide what a network adds. A limit bounds
the sum of a cost over the distinct members, as they run one after the other; a network is
affordable while the members with it keep all limits.

Source: Caruana, Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble selection from libraries of
models", ICML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Loss = Callable[[Array], float]
"""Mean predictions on the validation rows -> their loss."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Members of an ensemble and their shares.

    Attributes:
        members: Places in the library, the largest share first.
        shares: Of each member; their sum is 1.
        loss: Of the ensemble on the validation rows, which chose it: it is optimistic.
        single: Of the best affordable network alone.
        path: The loss after each draw.
    """

    members: tuple[int, ...]
    shares: tuple[float, ...]
    loss: float
    single: float
    path: tuple[float, ...]


def greedy_selection(
    predictions: Sequence[Array], loss: Loss, costs: Array, limits: Array, size: int
) -> Selection | None:
    """Return the best prefix of greedy draws; None if no network is affordable.

    Args:
        predictions: Of each of ``n`` networks, all of one shape.
        loss: Of mean predictions.
        costs: ``n x c``; a network with a cost that is NaN is not affordable.
        limits: Upper bounds, ``c``.
        size: Number of draws.

    >>> truth = np.array([1.0, 2.0])
    >>> found = greedy_selection(
    ...     [truth + 1, truth - 1, truth + 5], lambda p: float(((p - truth) ** 2).mean()),
    ...     np.zeros((3, 0)), np.zeros(0), 4,
    ... )
    >>> found.members, found.shares, found.loss
    ((0, 1), (0.5, 0.5), 0.0)
    """
    drawn: list[int] = []
    path: list[float] = []
    total = np.zeros_like(predictions[0])
    for step in range(1, size + 1):
        options = [i for i in range(len(predictions)) if _affordable({*drawn, i}, costs, limits)]
        if not options:
            return None
        losses = [loss((total + predictions[i]) / step) for i in options]
        best = int(np.argmin(losses))  # the first of equal ones
        drawn.append(options[best])
        path.append(losses[best])
        total = total + predictions[options[best]]
    length = int(np.argmin(path)) + 1
    counts = Counter(drawn[:length])
    members = sorted(counts, key=lambda i: (-counts[i], i))
    shares = tuple(counts[i] / length for i in members)
    return Selection(tuple(members), shares, path[length - 1], path[0], tuple(path))


def _affordable(members: set[int], costs: Array, limits: Array) -> bool:
    total: Array = costs[sorted(members)].sum(axis=0)
    return bool(np.all(total <= limits))
