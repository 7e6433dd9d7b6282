"""Feasibility of candidates: whether they can be evaluated, and keep the constraints.

    score(x) = improvement(x) * P(x can be evaluated) * prod_k P(x keeps constraint k)

Each probability stands for what is known:

- *failures* are learnt by ``surrogates/feasibility.py`` once there is one;
- a constrained *objective* has its posterior: in the joint samples, which count improvement, a
  sample counts only where its values keep the bounds (``masked``); only the screening of the pool
  multiplies by the probability of the marginals;
- a constrained *size* (parameters, FLOPs) follows from the architecture, and is known for all;
- any other constrained *measurement* has a Gaussian process of its own.

Improvement is counted over known points that are feasible. While there is none, the logarithms of
the probabilities lead, and a candidate with the least violation is the next.

Sources: Gardner, Kusner, Xu, Weinberger and Cunningham (2014), "Bayesian optimization with
inequality constraints", ICML; Daulton, Balandat and Bakshy (2020), "Differentiable expected
hypervolume improvement", NeurIPS, section 3.3 (feasibility of joint samples).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.evaluation.constraint import Constraint
from bonas.evaluation.objective import oriented
from bonas.spaces import Space
from bonas.studies.constraints import size_of
from bonas.studies.proposing.features import EncodedPool
from bonas.studies.proposing.limits import Limits
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import Posteriors
from bonas.studies.proposing.task import Task
from bonas.surrogates import TransformedModel, fit_graph_gp, fit_transformed
from bonas.surrogates.feasibility import FeasibilityModel, fit_feasibility
from bonas.surrogates.outcome_transform import Form

_SAME = 1e-6  # relative difference up to which a measured size is that of the formula
_BEYOND = 1e3  # what a violated size costs, in units of log probability: more than any other thing
_LEAST_SD = 1e-9
_MARGIN = 0.1  # of the range up to a bound: how far behind it the reference point is
_NEAREST = 8  # points that are varied where none is feasible
_LEAST_GAIN = 1e-6  # of the largest improvement, where there is no feasible point to improve


@dataclass(frozen=True)
class Known:
    """Models of what keeps candidates from being feasible.

    Attributes:
        evaluable: Whether a point can be evaluated; None where nothing has failed.
        learnt: Constrained measurements, each with its model and its bounds ``lower, upper`` on the
            scale of the model.
        sizes: The constraints on what follows from the architecture.
        bounds: ``2 x m``, the least and the greatest oriented value of each objective, in the
            user's units; infinite where there is no bound.
    """

    evaluable: FeasibilityModel | None
    learnt: Sequence[tuple[Constraint, TransformedModel, tuple[float, float]]]
    sizes: Sequence[Constraint]
    bounds: Tensor


class Feasibility:
    """The probability that points of a pool are feasible; ``Feasibility.of`` makes it.

    Args:
        space: The architectures.
        limits: What trials have said.
        known: What was learnt from it.
        candidates: The pool, and how its points are encoded.
    """

    def __init__(
        self, space: Space | None, limits: Limits, known: Known, candidates: EncodedPool
    ) -> None:
        self.space, self.limits, self.known, self._candidates = space, limits, known, candidates
        self._everywhere: Tensor | None = None

    @classmethod
    def of(
        cls, task: Task, observations: Observations, candidates: EncodedPool, seed: int
    ) -> Feasibility | None:
        """Learn from the trials of a study; None if nothing has failed or is constrained."""
        limits = observations.limits
        if not limits.have_failures and not limits.constraints:
            return None
        goals = [goal.name for goal in task.objectives]
        others = [each for each in limits.constraints if each.name not in goals]
        sizes = [each for each in others if follows(each.name, limits, task.space)]
        known = Known(
            _evaluable(limits, candidates, seed) if limits.have_failures else None,
            _learnt([each for each in others if each not in sizes], limits, candidates),
            sizes,
            _bounds(task, limits.constraints),
        )
        return cls(task.space, limits, known, candidates)

    @property
    def has_bounds(self) -> bool:
        """Whether an objective is constrained."""
        return bool(self.known.bounds.isfinite().any())

    def log_probability(self, points: Sequence[Point]) -> Tensor:
        """Return ``N`` logarithms of the probabilities of all but the objectives' constraints.

        Those that violate a size for certain come last, the more the further they are outside.
        """
        pool = self._candidates
        if points is not pool.pool.all:
            return self._log_probability(points, pool.features.encode(points))
        if self._everywhere is None:
            assert pool.all is not None  # as its points are
            self._everywhere = self._log_probability(points, pool.all)
        return self._everywhere

    def _log_probability(self, points: Sequence[Point], X: Tensor) -> Tensor:
        found = torch.zeros(len(points), dtype=torch.float64)
        if self.known.evaluable is not None:
            found += self.known.evaluable.probability(X).log()
        for _, model, (low, high) in self.known.learnt:
            with torch.no_grad():
                mean, variance = model.marginals(X)
            found += log_between(mean, variance.clamp_min(0.0).sqrt(), low, high)
        violation = violation_of_sizes(points, self.known.sizes, self.space)
        return found - torch.where(violation > 0, _BEYOND * (1 + violation), 0.0)

    def log_probability_of_objectives(
        self, mean: Tensor, variance: Tensor, posteriors: Posteriors
    ) -> Tensor:
        """Return ``N`` logarithms of the probability that the objectives keep their bounds.

        By their marginals, ``N x m`` on the scale of the posteriors.
        """
        found = mean.new_zeros(len(mean))
        low, high = (posteriors.scale_reference_point(bound) for bound in self.known.bounds)
        for j in self._bounded:
            a = float(low[j]) if self.known.bounds[0, j].isfinite() else -math.inf
            b = float(high[j]) if self.known.bounds[1, j].isfinite() else math.inf
            found += log_between(mean[:, j], variance[:, j].clamp_min(0.0).sqrt(), a, b)
        return found

    def masked(
        self, samples: Tensor, given: Tensor, posteriors: Posteriors, reference_point: Tensor
    ) -> Tensor:
        """Return ``s x n x m`` samples in which rows count only where they keep the bounds.

        Those of ``given``, ``n`` truth values, are known to. Elsewhere values are worse than
        ``reference_point`` and all other samples in each objective.
        """
        if not self.has_bounds:
            return samples
        low, high = (posteriors.scale_reference_point(bound) for bound in self.known.bounds)
        low = torch.where(self.known.bounds[0].isfinite(), low, -torch.inf)
        high = torch.where(self.known.bounds[1].isfinite(), high, torch.inf)
        broken: Tensor = ((samples < low) | (samples > high)).any(-1)
        broken[:, given] = False
        worst = torch.minimum(reference_point, samples.amin((0, 1))) - 1.0
        kept: Tensor = torch.where(broken.unsqueeze(-1), worst, samples)
        return kept

    def tightened(self, reference_point: Tensor, values: Tensor) -> Tensor:
        """Return an oriented reference point a little behind the bounds, where these are better.

        ``values``, ``n x m``: what was measured; a tenth of the way from the best to the bound.
        """
        low = self.known.bounds[0]
        behind = low - _MARGIN * (values.amax(0) - low).abs()
        return torch.where(low.isfinite(), torch.maximum(reference_point, behind), reference_point)

    def among(self, points: Sequence[Point]) -> list[Point]:
        """Return the measured points that keep the constraints."""
        if not self.limits.constraints:
            return list(points)
        return [p for p in points if self.limits.violation.get(p.key, math.inf) == 0]

    def nearest(self, points: Sequence[Point]) -> list[Point]:
        """Return the measured points that violate the constraints least, a few."""
        violation = self.limits.violation
        return sorted(points, key=lambda p: violation.get(p.key, math.inf))[:_NEAREST]

    def described(
        self, point: Point, X: Tensor, posteriors: Posteriors
    ) -> Mapping[str, float | None]:
        """Return the probabilities that an encoded point runs, and keeps all constraints."""
        evaluable = self.known.evaluable
        runs = None if evaluable is None else float(evaluable.probability(X))
        kept = None
        if self.limits.constraints:
            log = self._log_probability([point], X)
            log = log + self.log_probability_of_objectives(*posteriors.marginals(X), posteriors)
            kept = math.exp(float(log) - (0.0 if runs is None else math.log(runs)))
        return {"evaluable": runs, "feasible": kept}

    @property
    def _bounded(self) -> list[int]:
        found: list[int] = self.known.bounds.isfinite().any(0).nonzero().flatten().tolist()
        return found


def weighted(scores: Tensor, log_probability: Tensor, is_log: bool) -> Tensor:
    """Return improvements times probabilities; ``is_log`` where ``scores`` are logarithms."""
    if is_log:
        return scores + log_probability
    product = (scores - scores.amin().clamp_max(0.0)) * log_probability.exp()
    certain = log_probability <= -_BEYOND  # all of them are 0, and the least violated is first
    found: Tensor = torch.where(certain, log_probability, product)
    return found


def leading(scores: Tensor, log_probability: Tensor, is_log: bool) -> Tensor:
    """Return what leads while no point is feasible: the probability, then the improvement."""
    if not is_log:
        most = scores.amax().clamp_min(1e-300)
        scores = (scores / most).clamp_min(_LEAST_GAIN).log()
    return scores + log_probability


def log_between(mean: Tensor, sd: Tensor, low: float, high: float) -> Tensor:
    """Return ``N`` log probabilities that normal values lie between two bounds."""
    sd = sd.clamp_min(_LEAST_SD)
    above, below = (mean - low) / sd, (high - mean) / sd
    if math.isinf(low) or math.isinf(high):
        one_sided: Tensor = torch.special.log_ndtr(torch.minimum(above, below))
        return one_sided
    outside = torch.special.ndtr(-above) + torch.special.ndtr(-below)
    nearest = torch.special.log_ndtr(torch.minimum(above, below))
    return torch.where(outside < 0.5, torch.log1p(-outside.clamp_max(0.5)), nearest)


def follows(name: str, limits: Limits, space: Space | None) -> bool:
    """Return whether a size follows from the architecture, as far as it was measured."""
    if space is None or math.isnan(size_of(name, space, space.reference[0].choices)):
        return False
    for point, values in limits.measured:
        assert point.architecture is not None  # there is a space
        size = size_of(name, space, point.architecture.choices)
        if abs(values[name] - size) > _SAME * abs(size):  # not where it is unknown, which is NaN
            return False
    return True


def violation_of_sizes(
    points: Sequence[Point], constraints: Sequence[Constraint], space: Space | None
) -> Tensor:
    """Return the sums of ``N`` points' relative violations of constraints on sizes."""
    found = torch.zeros(len(points), dtype=torch.float64)
    for row, point in enumerate(points if constraints and space is not None else ()):
        assert space is not None
        assert point.architecture is not None
        choices = point.architecture.choices
        found[row] = sum(
            each.relative_violation(size_of(each.name, space, choices)) for each in constraints
        )
    return found.nan_to_num(nan=0.0)


def _evaluable(limits: Limits, candidates: EncodedPool, seed: int) -> FeasibilityModel:
    X = candidates.encode([*limits.ran, *limits.lost])
    succeeded = torch.arange(len(X)) < len(limits.ran)
    return fit_feasibility(X, succeeded, candidates.features.layout, seed)


def _learnt(
    constraints: Sequence[Constraint], limits: Limits, candidates: EncodedPool
) -> list[tuple[Constraint, TransformedModel, tuple[float, float]]]:
    """Fit a process to each constrained measurement of which a value is known."""
    found = []
    for each in constraints:
        rows = [(p, values[each.name]) for p, values in limits.measured]
        rows = [(point, value) for point, value in rows if math.isfinite(value)]
        if not rows:
            continue
        points, values = zip(*rows, strict=True)
        y = -torch.tensor(values, dtype=torch.float64)  # a cost: more is better
        low = -math.inf if each.upper is None else -each.upper
        high = math.inf if each.lower is None else -each.lower
        is_positive = bool((y < 0).all()) and all(b < 0 for b in (low, high) if math.isfinite(b))
        form: Form = "logarithmic" if is_positive else "plain"
        X, layout = candidates.encode(points), candidates.features.layout
        model = fit_transformed(fit_graph_gp, X, y, layout, 0, form)
        found.append((each, model, (_scaled(model, low), _scaled(model, high))))
    return found


def _scaled(model: TransformedModel, bound: float) -> float:
    """Return a bound on the scale of a model; one that is infinite stays so."""
    if math.isinf(bound):
        return bound
    return float(model.outcome_transform.transform(torch.tensor([bound], dtype=torch.float64))[0])


def _bounds(task: Task, constraints: Sequence[Constraint]) -> Tensor:
    """Return the bounds of the objectives, ``2 x m``, oriented; infinite where there is none."""
    bounds = torch.tensor([[-torch.inf], [torch.inf]], dtype=torch.float64)
    bounds = bounds.repeat(1, len(task.objectives))
    own = {each.name: each for each in constraints}
    for j, goal in enumerate(task.objectives):
        each = own.get(goal.name)
        if each is not None:
            ends = [
                -math.inf if each.lower is None else each.lower,
                math.inf if each.upper is None else each.upper,
            ]
            bounds[:, j] = torch.tensor(sorted(oriented(ends, [goal.direction]).ravel().tolist()))
    return bounds
