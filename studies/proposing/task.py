"""A task: what is searched, the objectives, and which values count as an improvement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from optuna import Study
from torch import Tensor

from bonas.errors import InvalidArgument
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.objective import Objective, oriented
from bonas.spaces import Space
from bonas.studies.constraints import constraints_of
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.records import directions, names_of

_MARGIN = 0.1  # of the range of the values: how much worse than the worst the reference point is


@dataclass(frozen=True)
class Task:
    """What is proposed for.

    Attributes:
        space: The architectures; None in a search over ``parameters`` alone.
        parameters: The parameters outside the space.
        objectives: The ``m`` objectives, in the order of the study's values.
        is_named: Whether the study itself names its objectives.
        reference_point: One value per objective, in its unit; None for one that follows from the
            first values.
        constraints: What the study's latest call wants of measurements.

    Raises:
        InvalidArgument: if the reference point has another number of values.
    """

    space: Space | None
    parameters: Parameters
    objectives: tuple[Objective, ...]
    is_named: bool = True
    reference_point: tuple[float, ...] | None = None
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        given, m = self.reference_point, len(self.objectives)
        if given is not None and len(given) != m:
            raise InvalidArgument(
                f"reference_point has {len(given)} value(s), the study {m} objectives; give one "
                "value per objective"
            )

    @classmethod
    def of(
        cls,
        study: Study,
        space: Space | None,
        parameters: Parameters,
        reference_point: Sequence[float] | None = None,
    ) -> Task:
        """Return the task of a study; objectives that it does not name are numbered."""
        names, ways = names_of(study), directions(study)
        objectives = tuple(
            Objective(name, way)
            for name, way in zip(names or map(_numbered, range(len(ways))), ways, strict=True)
        )
        point = None if reference_point is None else tuple(reference_point)
        return cls(space, parameters, objectives, bool(names), point, constraints_of(study))

    @property
    def directions(self) -> list[str]:
        """``maximize`` or ``minimize`` for each objective."""
        return [objective.direction for objective in self.objectives]

    def oriented_reference_point(self, values: Tensor) -> Tensor:
        """Return ``m`` oriented values that every point worth proposing beats.

        ``values``, ``n x m`` and oriented, decide where the task has no reference point.
        """
        if self.reference_point is not None:
            return torch.from_numpy(oriented(self.reference_point, self.directions)).squeeze(0)
        return default_reference_point(values)


def default_reference_point(values: Tensor) -> Tensor:
    """Return ``m`` values a little worse than the worst of ``n x m`` oriented ones.

    >>> default_reference_point(torch.tensor([[0.0, 5.0], [10.0, 5.0]]))
    tensor([-1.0000,  4.5000])
    """
    worst, best = values.min(0).values, values.max(0).values
    span = torch.where(best > worst, best - worst, worst.abs().clamp_min(1.0))
    return torch.nan_to_num(worst - _MARGIN * span)  # the span may overflow


def _numbered(j: int) -> str:
    return f"objective {j}"
