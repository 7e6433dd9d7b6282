"""NAS-BOWL: a Gaussian process with the Weisfeiler-Lehman kernel, and expected improvement.

For each batch, the process is fitted to all finished trials; of a pool of random architectures and
mutants of the best, those with the largest expected improvement are next. The kernel
counts labels of iterations 0 to 2, with a fitted weight for each.

Source: Ru, Wan, Dong and Osborne (2021), "Interpretable neural architecture search via Bayesian
optimisation with Weisfeiler-Lehman kernels", ICLR. Sizes as there and in the authors' release: 10
random, batches of 5, a pool of 200, half of it mutants of the best 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from botorch.acquisition.analytic import LogExpectedImprovement
from torch import Tensor

from bonas.benchmarks.baselines.batched import BatchedBaseline
from bonas.benchmarks.baselines.mutation import sample_mutants, sample_unseen
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.encoders import Layout
from bonas.encoders.weisfeiler_lehman import WeisfeilerLehman
from bonas.spaces import Choices, Space
from bonas.surrogates import fit_weisfeiler_lehman

_DEPTHS = (0, 1, 2)
_PARENTS = 10
_POOL = 200


class NasBowl(BatchedBaseline):
    """Bayesian optimisation with a graph kernel.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=NasBowl(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(self, space: Space, *, seed: int = 0, initial: int = 10, batch: int = 5) -> None:
        super().__init__(space, seed=seed, initial=initial, batch=batch)

    @cached_property
    def _encoders(self) -> list[WeisfeilerLehman]:
        return [WeisfeilerLehman(self.space, depth=depth) for depth in _DEPTHS]

    @cached_property
    def _layout(self) -> Layout:
        stops = np.cumsum([encoder.width for encoder in self._encoders]).tolist()
        starts = [0, *stops[:-1]]
        names = [encoder.name for encoder in self._encoders]
        return Layout(dict(zip(names, map(slice, starts, stops), strict=True)), {})

    def _rank(self, observations: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        known = observations.finished
        values = torch.from_numpy(known.values)
        gp = fit_weisfeiler_lehman(self._encode(known.choices), values, self._layout)
        candidates = self._candidates(observations, rng)
        improvement = LogExpectedImprovement(gp, best_f=values.max())
        with torch.no_grad():
            scores = improvement(self._encode(candidates).unsqueeze(1))
        return [candidates[i] for i in scores.argsort(descending=True, stable=True).tolist()]

    def _candidates(self, observations: Observations, rng: np.random.Generator) -> list[Choices]:
        """Draw mutants for half of the pool, and random architectures for the rest."""
        parents = observations.best(_PARENTS)
        near = sample_mutants(self.space, parents, _POOL // 2, observations.seen, rng)
        pool = {key(choices): choices for choices in near}
        seen = set(observations.seen | pool.keys())
        for _ in range(_POOL - len(pool)):
            choices = sample_unseen(self.space, seen, rng)
            seen.add(key(choices))
            pool[key(choices)] = choices
        return list(pool.values())

    def _encode(self, some: Sequence[Choices]) -> Tensor:
        """Return ``n x d`` counts of labels."""
        architectures = [self.space.architecture(choices) for choices in some]
        return torch.cat([encoder.encode(architectures) for encoder in self._encoders], dim=1)
