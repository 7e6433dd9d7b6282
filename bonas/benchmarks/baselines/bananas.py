"""BANANAS: an ensemble of feed-forward networks over paths, with independent Thompson sampling.

    t = (loss - bound) / (median - bound),   network: min mean |prediction / t - 1|
    score(x) ~ N(mean of predictions, variance of predictions),   the lowest are next

For each batch, five networks (``bananas_ensemble.py``) are trained from scratch to predict the loss
from the paths of an architecture; mutants of the best architectures are scored. The bound is a
value that no loss falls below: the paper knows one for its benchmark (in percent error), here it
lies below the best loss by half the distance from there to the median.

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

from bonas.benchmarks.baselines.bananas_ensemble import fit_predict
from bonas.benchmarks.baselines.batched import BatchedBaseline
from bonas.benchmarks.baselines.mutation import sample_mutants
from bonas.benchmarks.baselines.observations import Observations
from bonas.encoders import PathCounts
from bonas.spaces import Choices, Space

_PARENTS = 5
_MUTANTS = 100


class Bananas(BatchedBaseline):
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

    def _rank(self, observations: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        known = observations.finished
        parents = observations.best(_PARENTS)
        candidates = sample_mutants(self.space, parents, _MUTANTS, observations.seen, rng)
        if not candidates:
            return []
        seed = int(rng.integers(2**31))
        predicted = fit_predict(
            self._encode(known.choices),
            torch.from_numpy(relative_losses(-known.values[:, 0])),
            self._encode(candidates),
            seed,
        ).numpy()
        sampled = rng.normal(predicted.mean(0), predicted.std(0))
        return [candidates[i] for i in np.argsort(sampled, kind="stable")]

    def _encode(self, some: Sequence[Choices]) -> Tensor:
        """Return ``n x d``: 1 where an architecture has the path."""
        return (self._paths.encode([self.space.architecture(c) for c in some]) > 0).float()


def relative_losses(
    losses: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Divide losses by the median's distance to the bound: the best is 1/3, the median 1.

    >>> relative_losses(np.array([8.0, 6.0, 7.0])).round(3).tolist()
    [1.667, 0.333, 1.0]
    """
    best, median = losses.min(), np.median(losses)
    half = (median - best) / 2 if median > best else 1.0
    unit = median - best + half
    scaled: np.ndarray[tuple[int], np.dtype[np.float64]] = (losses - best + half) / unit
    return scaled
