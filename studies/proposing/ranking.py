"""Ranking: the score of any point of a pool, in closed form.

    score(x) = improvement(x) * P(x is feasible)

The improvement is that over the baseline: what is known and feasible, or the reference point alone
while nothing feasible is known. Where objectives are scalarised, it is that of the scalar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from bonas.studies.proposing.beliefs import Beliefs
from bonas.studies.proposing.feasibility import Feasibility, leading, weighted
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import Posteriors
from bonas.studies.proposing.scalarisation import Scalarisation


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores points; more is better.

    Attributes:
        posteriors: Predict all objectives.
        beliefs: These, and what was measured.
        baseline: What is to be improved, ``n x m`` on the scale of the posteriors.
        reference_point: ``m`` values on that scale.
        scalarised: The weights of the objectives; None where their hypervolume counts.
        feasibility: The probability that points are feasible; None if all are.
        leads: Whether that probability comes first, since no feasible point is known.
    """

    posteriors: Posteriors
    beliefs: Beliefs
    baseline: Tensor
    reference_point: Tensor
    scalarised: Scalarisation | None
    feasibility: Feasibility | None
    leads: bool

    def __call__(self, points: Sequence[Point]) -> Tensor:
        """Return ``N`` scores."""
        found = self.beliefs.marginals(points)
        if self.scalarised is not None:
            gain = self.scalarised.screening(*found, self.baseline)
        else:
            gain = self.beliefs.improvement(found, self.baseline, self.reference_point)
        if self.feasibility is None:
            return gain
        chance = self.feasibility.log_probability(points)
        chance = chance + self.feasibility.log_probability_of_objectives(*found, self.posteriors)
        is_log = self.baseline.shape[1] == 1 or self.scalarised is not None
        return (leading if self.leads else weighted)(gain, chance, is_log=is_log)
