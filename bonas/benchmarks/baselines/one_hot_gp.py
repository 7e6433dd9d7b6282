"""BoTorch out of the box: its standard Gaussian process on one-hot choices.

Each objective has a ``SingleTaskGP`` with the defaults of BoTorch (one lengthscale per input,
standardised values), fitted by at most 30 steps of L-BFGS. One objective: the candidate with the
largest expected improvement, in closed form. Several: the largest qLogNEHVI, from 64 samples, among
those candidates whose optimistic values (mean + 2 sd) add most hypervolume to the front.

Candidates are all combinations of a space of at most 50,000; in a larger one, 2,000 random ones and
the neighbours of the best.

Sources: Balandat et al. (2020), "BoTorch: a framework for efficient Monte-Carlo Bayesian
optimization", NeurIPS; Daulton, Balandat and Bakshy (2021), "Parallel Bayesian optimization of
multiple noisy objectives with expected hypervolume improvement", NeurIPS; Ament et al. (2023),
"Unexpected improvements to expected improvement for Bayesian optimization", NeurIPS.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms import Standardize
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.settings import validate_input_scaling
from botorch.utils.multi_objective.box_decompositions.non_dominated import (
    FastNondominatedPartitioning,
)
from botorch.utils.multi_objective.pareto import is_non_dominated
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor

from bonas.benchmarks.baselines.baseline import Baseline
from bonas.benchmarks.baselines.mutation import sample_unseen
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.encoders import OneHot
from bonas.spaces import Choices, Space
from bonas.studies.proposing.acquisition import screening
from bonas.studies.proposing.task import default_reference_point
from bonas.threads import one_thread

_logger = logging.getLogger(__name__)

_ENUMERABLE = 50_000  # combinations that are all candidates
_DRAWS = 2_000
_CLIMBERS = 10  # of the best, whose neighbours are candidates
_STEPS = 30  # of L-BFGS
_SAMPLES = 64
_CHUNK = 256  # candidates per evaluation of the posterior


class OneHotBoTorch(Baseline):
    """BoTorch's standard Gaussian process and acquisition functions over one-hot choices.

    Args:
        space: The architectures.
        seed: Seed for every random number generator.
        initial: Random architectures before the first fit.
        shortlist: How many candidates qLogNEHVI scores, with several objectives.

    With several objectives, the reference point is that of ``ArchitectureSampler``: a little worse
    than the worst of the first ``initial`` finished trials.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=OneHotBoTorch(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    multi_objective: ClassVar[bool] = True

    def __init__(
        self, space: Space, *, seed: int = 0, initial: int = 10, shortlist: int = 512
    ) -> None:
        super().__init__(space, seed=seed)
        self.initial = initial
        self.shortlist = shortlist

    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        known = observations.finished
        if len(known.choices) < self.initial:
            return sample_unseen(self.space, observations.seen, rng)
        candidates = self._candidates(observations, rng)
        if not candidates:
            return sample_unseen(self.space, observations.seen, rng)
        X, Y = self._encode(known.choices), torch.from_numpy(known.values)
        seed = int(rng.integers(2**31))
        try:
            # a fit that does not converge starts again from hyper-parameters drawn at random
            with one_thread(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                models = [_fit(X, y.unsqueeze(1)) for y in Y.T]
                best = self._best(models, X, Y, self._encode(candidates), seed)
        except ModelFittingError as error:
            _logger.warning("the Gaussian process failed (%s); this proposal is random", error)
            return sample_unseen(self.space, observations.seen, rng)
        return candidates[best]

    def _best(
        self, models: Sequence[SingleTaskGP], X: Tensor, Y: Tensor, Z: Tensor, seed: int
    ) -> int:
        """Return the row of the candidate in ``Z`` with the highest acquisition value."""
        mean, variance = _marginals(models, Z)
        reference_point = default_reference_point(Y[: self.initial])
        if len(models) == 1:
            return int(screening(mean, variance, Y, reference_point).argmax())
        gains = _hypervolume_gains(mean + 2 * variance.sqrt(), Y, reference_point)
        some = gains.argsort(descending=True, stable=True)[: self.shortlist]
        with torch.no_grad(), _without_compiler():
            improvement = qLogNoisyExpectedHypervolumeImprovement(
                ModelListGP(*models),
                reference_point.tolist(),
                X,
                sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
                prune_baseline=True,
            )
            parts = torch.split(Z[some].unsqueeze(1), _CHUNK)
            scores = torch.cat([improvement(part) for part in parts])
        return int(some[scores.argmax()])

    def _candidates(self, observations: Observations, rng: np.random.Generator) -> list[Choices]:
        """Return the unseen combinations that are scored."""
        if self._all is not None:
            return [choices for choices in self._all if key(choices) not in observations.seen]
        known = observations.finished
        front = np.flatnonzero(is_non_dominated(torch.from_numpy(known.values)).numpy())
        climbers = rng.permutation(front)[:_CLIMBERS]
        some = [self.space.sample(rng) for _ in range(_DRAWS)]
        for i in climbers:
            some += self.space.neighbours(known.choices[i])
        return list({key(c): c for c in some if key(c) not in observations.seen}.values())

    @cached_property
    def _all(self) -> list[Choices] | None:
        return list(self.space) if self.space.size <= _ENUMERABLE else None

    @cached_property
    def _columns(self) -> OneHot:
        return OneHot(self.space)

    def _encode(self, some: Sequence[Choices]) -> Tensor:
        """Return ``n x d`` zeros and ones."""
        column = self._columns.column
        rows = [i for i, choices in enumerate(some) for _ in choices]
        taken = [column[item] for choices in some for item in choices.items()]
        encoded = torch.zeros(len(some), self._columns.width, dtype=torch.float64)
        encoded[rows, taken] = 1.0
        return encoded


def _fit(X: Tensor, y: Tensor) -> SingleTaskGP:
    with validate_input_scaling(False):  # constant values are no mistake here
        model = SingleTaskGP(X, y, outcome_transform=Standardize(1))
    fit_gpytorch_mll(
        ExactMarginalLogLikelihood(model.likelihood, model),
        optimizer_kwargs={"options": {"maxiter": _STEPS}},
    )
    return model


def _marginals(models: Sequence[SingleTaskGP], Z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means and variances of each row of ``Z``, ``N x m``."""
    means, variances = [], []
    with torch.no_grad():
        for model in models:
            # jointly: gpytorch copies the training data for each element of a batch
            parts = [model.posterior(part) for part in torch.split(Z, _CHUNK)]
            means.append(torch.cat([part.mean.reshape(-1) for part in parts]))
            variances.append(torch.cat([part.variance.reshape(-1) for part in parts]))
    return torch.stack(means, dim=1), torch.stack(variances, dim=1)


def _hypervolume_gains(points: Tensor, Y: Tensor, reference_point: Tensor) -> Tensor:
    """Return what each of ``N x m`` points alone would add to the hypervolume of ``Y``, ``N``."""
    lower, upper = FastNondominatedPartitioning(reference_point, Y=Y).hypercell_bounds
    sides = torch.minimum(points.unsqueeze(1), upper) - lower
    gains: Tensor = sides.clamp_min(0.0).prod(-1).sum(-1)
    return gains


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Keep BoTorch from compiling a C++ kernel on first use: a minute, to save milliseconds.

    BoTorch 0.18 has no public switch for it. A kernel that is loaded already is used.
    """
    before = logei._load_attempted
    logei._load_attempted = True
    try:
        yield
    finally:
        logei._load_attempted = before
