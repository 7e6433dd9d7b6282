"""Finished and stopped trainings of a smooth function, whose value at a cut tells more or less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.surrogates import LowerFidelity

LAYOUT = Layout({"one": slice(0, 2), "two": slice(2, 4)}, {})
EXPECTED = Layout({"one": slice(0, 2), "prior": slice(2, 4)}, {}, slopes=((0.4, -0.3),))


@dataclass(frozen=True)
class Trainings:
    """``n`` finished trainings, ``k`` with a value at the cut, and unseen points."""

    X: Tensor
    Y: Tensor
    lower: LowerFidelity
    unseen: Tensor
    truth: Tensor


def trainings(
    finished: int, stopped: int, *, told: float = 1.0, noise: float = 0.0, seed: int = 0
) -> Trainings:
    """Draw trainings; the value at the cut is ``told`` of the final value, the rest is its own."""
    rng = np.random.default_rng(seed)
    n, k = finished, finished + stopped
    X = torch.from_numpy(rng.standard_normal((k + 60, 4)) / 2)
    final = (2 * X[:, 0]).sin() + X[:, 2] - X[:, 3] * X[:, 1]
    other = (2 * X[:, 3]).cos() - X[:, 2] * X[:, 0]
    cut = told * final + (1 - told) * other
    cut = cut + noise * torch.from_numpy(rng.standard_normal(len(X)))
    rows = torch.cat([torch.arange(n), torch.full((stopped,), -1)])
    lower = LowerFidelity(X[:k], cut[:k].unsqueeze(1), rows, (0.1,))
    return Trainings(X[:n], final[:n].unsqueeze(1), lower, X[k:], final[k:])
