"""The posteriors of all objectives: one surrogate each, over transformed values.

Hyper-parameters are fitted to the trials before the latest refit (``training_subset.py``). Which
trials these are follows from the number of measured ones, so posteriors fitted afresh and those
that grew with the study are the same. The form of each outcome transform is decided by all trials:
one value of 0 is enough to see that a cost has no logarithm, and what was fitted with another form
is fitted anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from botorch.models.model import Model
from torch import Tensor

from bonas.encoders import Layout
from bonas.studies.proposing.partial_curves import PartialCurves
from bonas.studies.proposing.training_subset import latest_refit
from bonas.surrogates import LowerFidelity, Surrogate, TransformedModel, fit_transformed
from bonas.surrogates.lower_fidelity import are_equal
from bonas.surrogates.outcome_transform import Form, choose_form
from bonas.surrogates.surrogate import capabilities_of

_LEAST_SD = 1e-12  # relative to the largest value: below it the values are constant
_FAR = 1e6  # standard deviations: a reference point further away is as good as at that distance


@dataclass(frozen=True)
class Refit:
    """What was fitted at the latest refit: the models' hyper-parameters, and from what.

    ``X``: ``n x d`` encodings, ``Y``: ``n x m`` oriented values, ``forms``: of the outcome
    transforms, ``lower``: ``m`` objectives' values at lower fidelities.
    """

    X: Tensor
    Y: Tensor
    forms: Sequence[Form]
    objectives: Sequence[TransformedModel]
    lower: Sequence[LowerFidelity | None]

    def is_of(
        self,
        X: Tensor,
        Y: Tensor,
        forms: Sequence[Form],
        lower: Sequence[LowerFidelity | None],
    ) -> bool:
        """Return whether it was made from these trials, with these forms."""
        same = list(self.forms) == list(forms) and torch.equal(self.X, X)
        same = same and torch.equal(*(y.nan_to_num(nan=torch.inf) for y in (self.Y, Y)))
        return same and all(map(are_equal, self.lower, lower))


@dataclass(frozen=True)
class Posteriors:
    """One fitted model with its outcome transform per objective; ``fit_posteriors`` fits them.

    All results are oriented (more is better), shifted and divided so that measured values have mean
    0 and standard deviation 1. With several objectives that is on the scale of the user's units, in
    which improvement is counted; a single one stays transformed (log regret): a better value is a
    better value on either scale.
    """

    refit: Refit
    objectives: Sequence[TransformedModel]
    shift: Tensor
    unit: Tensor

    def scale_reference_point(self, reference_point: Tensor) -> Tensor:
        """Return ``m`` oriented values on the scale of the posteriors, none absurdly far away."""
        transforms = [each.outcome_transform for each in self.objectives]
        if len(transforms) == 1:
            values = transforms[0].transform(reference_point)
        else:
            values = reference_point / reference_point.new_tensor([t.scale for t in transforms])
        distance = (values - self.shift) / self.unit
        return distance.nan_to_num(nan=_FAR).clamp(-_FAR, _FAR)  # nan: above the ceiling

    def scale(self, values: Tensor) -> Tensor:
        """Return ``n x m`` oriented values of several objectives on the scale of the posteriors."""
        transforms = [each.outcome_transform for each in self.objectives]
        columns = zip(transforms, values.T, strict=True)
        scaled = torch.stack([t.rescale(column) for t, column in columns], dim=1)
        return (scaled - self.shift) / self.unit

    def marginals(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return medians and upper variances, ``N x m``, of ``N x d`` points."""
        alone = len(self.objectives) == 1
        with torch.no_grad():
            found = [
                each.marginals(X) if alone else each.untransformed_marginals(X)
                for each in self.objectives
            ]
        mean, variance = (torch.stack(part, dim=1) for part in zip(*found, strict=True))
        return (mean - self.shift) / self.unit, variance / self.unit**2

    def sample(self, X: Tensor, s: int, seed: int) -> Tensor:
        """Draw ``s x N x m`` joint samples of ``N x d`` points."""
        alone = len(self.objectives) == 1
        with torch.no_grad():
            samples = [
                each.sample(X, s, seed + j) if alone else each.untransformed_samples(X, s, seed + j)
                for j, each in enumerate(self.objectives)
            ]
        return (torch.stack(samples, dim=-1) - self.shift) / self.unit

    def predict(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return median and spread, ``N x m``, of what measuring ``N x d`` points should give.

        Oriented, in the user's units, the noise of a measurement included.
        """
        with torch.no_grad():
            found = [each.predict(X) for each in self.objectives]
        medians, spreads = (torch.stack(part, dim=1) for part in zip(*found, strict=True))
        return medians, spreads

    @property
    def weights(self) -> list[list[float]]:
        """The weights of each objective's mixture members; empty for other surrogates."""
        return [each.weights for each in self.objectives]


def fit_posteriors(
    surrogate: Surrogate,
    X: Tensor,
    Y: Tensor,
    layout: Layout,
    seed: int,
    previous: Posteriors | None = None,
    noise: Tensor | None = None,
    curves: PartialCurves | None = None,
) -> Posteriors:
    """Fit one model per objective, to the points at which it was measured.

    Args:
        surrogate: What fits each model.
        X: ``n x d`` encodings.
        Y: ``n x m`` oriented values; NaN where an objective was not measured.
        layout: The blocks of the encoding.
        seed: Seed of the first objective's model; the next one takes the next.
        previous: Posteriors of the first of these trials; they only save time.
        noise: ``n x m`` variances of the values, NaN where unknown.
        curves: What finished and stopped trainings left on their way, if any was stopped.
    """
    m, alone = latest_refit(len(X)), Y.shape[1] == 1
    noise = torch.full_like(Y, torch.nan) if noise is None else noise
    forms = [choose_form(y[~y.isnan()], alone) for y in Y.T]

    def lower_of(n: int, only_refit: bool) -> list[LowerFidelity | None]:
        """Return each objective's values at lower fidelities, where ``n`` trials are finished."""
        if curves is None or not capabilities_of(surrogate).lower_fidelity:
            return [None] * len(forms)
        measured = (~Y[:n].isnan()).T
        return [curves.of_objective(j, own, m, only_refit) for j, own in enumerate(measured)]

    def fit_all(
        n: int, grown_from: Sequence[Model | None], lower: Sequence[LowerFidelity | None]
    ) -> list[TransformedModel]:
        """Fit or grow the models of all objectives, on the first ``n`` trials."""
        parts = zip(Y[:n].T, noise[:n].T, forms, grown_from, lower, strict=True)
        fitted = []
        for j, (y, variance, form, model, cheaper) in enumerate(parts):
            rows, own = ~y.isnan(), layout.for_objective(j)
            data = X[:n][rows], y[rows], own, seed + j, form, variance[rows]
            fitted.append(fit_transformed(surrogate, *data, model, cheaper))
        return fitted

    lower, every = lower_of(m, only_refit=True), lower_of(len(X), only_refit=False)
    if previous is not None and previous.refit.is_of(X[:m], Y[:m], forms, lower):
        refit, grown_from = previous.refit, previous.objectives
    else:
        grown_from = fit_all(m, [None] * len(forms), lower)
        refit = Refit(X[:m], Y[:m], forms, grown_from, lower)
    objectives = refit.objectives
    if m < len(X) or not all(map(are_equal, lower, every)):
        objectives = fit_all(len(X), [each.model for each in grown_from], every)
    return Posteriors(refit, objectives, *_shift_and_unit(objectives, Y))


def with_measurements(
    posteriors: Posteriors,
    surrogate: Surrogate,
    trials: tuple[Tensor, Tensor, Tensor],
    measured: Mapping[int, tuple[Tensor, Tensor]],
    layout: Layout,
    seed: int,
) -> Posteriors:
    """Return posteriors that know measured values of points which are no trials.

    The models keep the hyper-parameters that were fitted to the trials, if they can grow.

    Args:
        posteriors: Fitted to the trials.
        surrogate: What fits models that cannot grow.
        trials: ``X``, ``n x d``, ``Y`` and their variances, ``n x m``, as they were fitted.
        measured: The number of an objective -> ``k x d`` encodings, and ``k`` oriented values.
        layout: The blocks of the encoding.
        seed: As in the fit.
    """
    X, Y, noise = trials
    objectives = list(posteriors.objectives)
    for j, (more_X, more_y) in measured.items():
        rows = ~Y[:, j].isnan()
        y = torch.cat([Y[rows, j], more_y])
        variance = torch.cat([noise[rows, j], torch.full_like(more_y, torch.nan)])
        form = choose_form(y, False)
        model = objectives[j].model if form == posteriors.refit.forms[j] else None
        own = layout.for_objective(j)
        all_X = torch.cat([X[rows], more_X])
        objectives[j] = fit_transformed(surrogate, all_X, y, own, seed + j, form, variance, model)
    return Posteriors(posteriors.refit, objectives, *_shift_and_unit(objectives, Y))


def _shift_and_unit(objectives: Sequence[TransformedModel], Y: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and deviations, ``m`` each, of measured values on the scale of ``Posteriors``.

    Points at which an objective was not measured are left out.
    """
    transforms = [each.outcome_transform for each in objectives]
    if len(transforms) == 1:
        measured = transforms[0].transform(Y)
    else:
        columns = zip(transforms, Y.T, strict=True)
        measured = torch.stack([t.rescale(y) for t, y in columns], dim=1)
    measured = measured[~measured.isnan().any(1)]
    sd = measured.std(0, correction=0)
    unit = torch.where(sd > _LEAST_SD * measured.abs().max(0).values, sd, 1.0)
    return measured.mean(0), unit
