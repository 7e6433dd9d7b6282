"""BANANAS: an ensemble of feed-forward networks over paths, with independent Thompson sampling.

    t = (loss - bound) / (median - bound),   network: min mean |prediction / t - 1|
    score(x) ~ N(mean of predictions, variance of predictions),   the lowest are next

Each batch, five networks (``ensemble.py``) are trained from scratch to predict the loss from which
paths an architecture has; mutants of the best architectures are scored. The bound is a value that
no loss falls below: the paper knows one for its benchmark (in percent error), here it lies below
the best loss by half the distance from there to the median.

Source: White, Neiswanger and Savani (2021), "BANANAS: Bayesian optimization with neural
architectures for neural architecture search", AAAI. Sizes as there and in the authors' release:
10 random, batches of 10, 100 mutants of the best 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bonas.benchmarks.baselines.bananas_ensemble import predictions
from bonas.benchmarks.baselines.batched import BatchedPeer
from bonas.benchmarks.baselines.mutation import mutants
from bonas.benchmarks.baselines.observations import Past
from bonas.encoders import PathCounts
from bonas.spaces import Choices, Space

_PARENTS = 5
_POOL = 100


class Bananas(BatchedPeer):
    """Bayesian optimisation with a neural predictor of the path encoding.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=Bananas(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(self, space: Space, *, seed: int = 0, initial: int = 10, batch: int = 10) -> None:
        super().__init__(space, seed=seed, initial=initial, batch=batch)

    @cached_property
    def _paths(self) -> PathCounts:
        return PathCounts(self.space)

    def _ranking(self, past: Past, rng: np.random.Generator) -> Sequence[Choices]:
        known = past.finished
        pool = mutants(self.space, past.best(_PARENTS), _POOL, past.spent, rng)
        if not pool:
            return []
        seed = int(rng.integers(2**31))
        found = predictions(
            self._encoded(known.choices),
            torch.from_numpy(relative(-known.values[:, 0])),
            self._encoded(pool),
            seed,
        ).numpy()
        sampled = rng.normal(found.mean(0), found.std(0))
        return [pool[i] for i in np.argsort(sampled, kind="stable")]

    def _encoded(self, some: Sequence[Choices]) -> Tensor:
        """``n x d``: 1 where an architecture has the path."""
        return (self._paths.encode([self.space.architecture(c) for c in some]) > 0).float()


def relative(
    losses: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Losses as multiples of the median's distance to the bound: the best is 1/3, the median 1.

    >>> relative(np.array([8.0, 6.0, 7.0])).round(3).tolist()
    [1.667, 0.333, 1.0]
    """
    best, median = losses.min(), np.median(losses)
    half = (median - best) / 2 if median > best else 1.0
    unit = median - best + half
    scaled: np.ndarray[tuple[int], np.dtype[np.float64]] = (losses - best + half) / unit
    return scaled
