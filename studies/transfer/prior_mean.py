"""Transfer prior: posterior means of Gaussian processes fitted to source tasks, as linear features.

    m_s(a)             the posterior mean of a Gaussian process fitted to the values of task s
    y(a) = w_0 + sum_s w_s m_s(a) + d(a),   w_s ~ N(r_s / S, v),   d ~ GP over the ordinary blocks

So an objective gets a block ``prior`` of features, one column m_s per source task, under a linear
term of its kernel (``surrogates/kernel.py``): a prior mean whose scale, and even sign, is learnt. A
source task that predicts nothing gets a small v, and measurements correct the rest in d. For
standardised columns and values, w_s begins at r_s / S: r_s is the correlation that one of S source
tasks is expected to have (``SourceTask.expected_correlation``), by default 0.

The values of a source task go through the same outcome transform as those of the task at hand: a
search for one objective stretches both near their best values.

Source: Kennedy and O'Hagan (2000), "Predicting the output from a complex computer code when fast
approximations are available", Biometrika 87.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.encoders import Blocks, Layout, shared_blocks
from bonas.errors import InvalidArgument
from bonas.evaluation.objective import oriented
from bonas.spaces import Architecture, Space
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import fit_graph_gp, fit_outcome_transform
from bonas.surrogates.outcome_transform import choose_form

_READ = ("one_hot", "statistics")  # encoders of source tasks


class TransferPrior:
    """One block of features for each objective that source tasks have.

    Args:
        space: The architectures of the task at hand.
        source_tasks: The other tasks.
        objectives: The objectives of the task at hand: a name -> ``maximize`` or ``minimize``.

    Attributes:
        objectives: The same.
        columns: One for each source task and each of its objectives that is one of the task at
            hand.

    Raises:
        InvalidArgument: if a source task has none of the objectives, has another direction, or does
            not fit the space.
    """

    def __init__(
        self, space: Space, source_tasks: Sequence[SourceTask], objectives: Mapping[str, str]
    ) -> None:
        if not objectives:
            raise InvalidArgument(
                "source tasks are matched by the names of objectives, and the study has none; call "
                'study.set_metric_names(["accuracy", ...])'
            )
        for each in source_tasks:
            _check(each, objectives)
        self.space, self.objectives = space, dict(objectives)
        self._read(
            [
                PriorColumn(name, known, _Mean(space, known, name, alone=len(objectives) == 1))
                for name in objectives
                for known in source_tasks
                if name in {objective.name for objective in known.objectives}
            ]
        )

    def _read(self, columns: Sequence[PriorColumn]) -> None:
        """Set the columns, and what follows from them."""
        self.columns = tuple(columns)
        own = {name: [c for c in columns if c.objective == name] for name in self.objectives}
        self.blocks = Blocks(self.space, [_SourceMeans(n, c) for n, c in own.items() if c])
        tasks = {id(column.known): column.known for column in columns}.values()
        self.measured = [a for known in tasks for a in known.architectures(self.space)]

    def keeping(self, columns: Sequence[PriorColumn]) -> TransferPrior | None:
        """Return the prior of some of the columns; None of none."""
        if not columns:
            return None
        kept = copy.copy(self)
        kept._read(columns)
        return kept

    def slices(self, start: int) -> list[slice | None]:
        """Return the columns of each objective, where the features begin at column ``start``."""
        own = [self.blocks.slices.get(name) for name in self.objectives]
        return [s and slice(s.start + start, s.stop + start) for s in own]

    @property
    def slopes(self) -> list[list[float]]:
        """For each objective what a unit of each of its columns is expected to change.

        The columns of an objective have a total variance of 1.
        """
        own = [[c for c in self.columns if c.objective == name] for name in self.objectives]
        return [[c.known.expected_correlation / math.sqrt(len(cs)) for c in cs] for cs in own]

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` features: prior means, oriented, centred and scaled."""
        return self.blocks.encode(architectures)

    def mean(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x k`` prior means, more is better, of the objectives of source tasks."""
        X = self.encode(architectures)
        columns = [X[:, own].sum(1) for own in self.blocks.slices.values()]
        return torch.stack(columns, dim=1)


@dataclass(frozen=True, eq=False)
class PriorColumn:
    """One column of a transfer prior: what a source task says of one objective.

    Attributes:
        objective: The name of the objective.
        known: The source task.
        mean: The posterior means of architectures, oriented and transformed.
    """

    objective: str
    known: SourceTask
    mean: Callable[[Sequence[Architecture]], Tensor]


class _SourceMeans:
    """An encoder: the posterior means of one objective on several source tasks."""

    def __init__(self, objective: str, columns: Sequence[PriorColumn]) -> None:
        self.name, self.width = objective, len(columns)
        self._columns = columns

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        return torch.stack([column.mean(architectures) for column in self._columns], dim=1)


class _Mean:
    """The posterior mean of one objective on one source task, oriented and transformed."""

    def __init__(self, space: Space, known: SourceTask, name: str, alone: bool) -> None:
        j = [objective.name for objective in known.objectives].index(name)
        y = torch.from_numpy(oriented(known.values[:, j], [known.objectives[j].direction]))[:, 0]
        transform = fit_outcome_transform(y, choose_form(y, alone))
        self._blocks = shared_blocks(space, _READ)
        self._own = {a.key: a for a in space.members or ()}  # equal networks are encoded equally
        X = self._encoded(known.architectures(space))
        values = transform.transform(y).unsqueeze(1)
        self._model = fit_graph_gp(X, values, Layout(self._blocks.slices, {}))

    def __call__(self, architectures: Sequence[Architecture]) -> Tensor:
        return self._model.marginals(self._encoded(architectures))[0]

    def _encoded(self, architectures: Sequence[Architecture]) -> Tensor:
        return self._blocks.encode([self._own.get(a.key, a) for a in architectures])


def _check(known: SourceTask, objectives: Mapping[str, str]) -> None:
    shared = [goal for goal in known.objectives if goal.name in objectives]
    if not shared:
        raise InvalidArgument(
            f"{known!r} has none of the objectives {list(objectives)}; name its values as the "
            "objectives of this search are named"
        )
    for goal in shared:
        if goal.direction != objectives[goal.name]:
            raise InvalidArgument(
                f"{known!r} has {goal.name!r} to {goal.direction}, this search has it to "
                f"{objectives[goal.name]}; negate its values"
            )


def check_source_tasks(
    given: object, space: Space | None, surrogate: object, reads_prior_mean: bool
) -> tuple[SourceTask, ...]:
    """Return the source tasks as a tuple, which may be empty.

    Raises:
        InvalidArgument: if they are none, do not fit the space, or the surrogate reads no prior.
    """
    if not isinstance(given, Sequence) or not all(isinstance(k, SourceTask) for k in given):
        raise InvalidArgument(f"source_tasks must be a list of SourceTask, got {given!r}")
    if given and space is None:
        raise InvalidArgument("source tasks have architectures and need a space; give a space")
    if given and not reads_prior_mean:
        raise InvalidArgument(
            f"surrogate {surrogate!r} reads no transfer prior; choose 'mixture' or 'gp', or leave "
            "source_tasks out (one of your own declares that it does by "
            "bonas.surrogates.supports(prior_mean=True))"
        )
    for known in given:
        known.architectures(space)
    return tuple(given)
