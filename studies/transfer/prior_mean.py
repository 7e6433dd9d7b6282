"""What knowledge of other tasks makes one expect of the task at hand.

    m_s(a)             the posterior mean of a Gaussian process fitted to the values of task s
    y(a) = w_0 + sum_s w_s m_s(a) + d(a),   w ~ N(0, v),   d ~ GP over the ordinary blocks

So an objective gets a block ``prior`` of features, one m_s a column, under a linear term of its
kernel (``surrogates/kernel.py``): a prior mean whose scale, and even sign, is learnt. What a task
tells in vain gets a small v, and what is measured corrects the rest in d.

The values of the other task are warped as those of the task at hand: near its best values a search
for one objective stretches both.

Source: Kennedy and O'Hagan (2000), "Predicting the output from a complex computer code when fast
approximations are available", Biometrika 87.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bonas.encoders import Blocks, Layout, shared_blocks
from bonas.errors import InvalidArgument
from bonas.evaluation.objective import oriented
from bonas.spaces import Architecture, Space
from bonas.studies.transfer.source_task import Knowledge
from bonas.surrogates import GraphGP
from bonas.surrogates.outcome_transform import Warp, form_of

_READ = ("one_hot", "statistics")  # encoders of what is known of other tasks
_DEAF = ("gnn", "random")  # surrogates that read no block ``prior``


class Prior:
    """One block of features for each objective that other tasks know of.

    Args:
        space: The architectures of the task at hand.
        knowledge: Of other tasks.
        objectives: A name -> ``maximize`` or ``minimize``, of the task at hand.

    Raises:
        InvalidArgument: if some knowledge is about none of the objectives, has another direction,
            or does not fit the space.
    """

    def __init__(
        self, space: Space, knowledge: Sequence[Knowledge], objectives: Mapping[str, str]
    ) -> None:
        if not objectives:
            raise InvalidArgument(
                "knowledge of other tasks is matched by the names of objectives, and the study has "
                'none; call study.set_metric_names(["accuracy", ...])'
            )
        for each in knowledge:
            _check(each, objectives)
        means = {
            name: [
                _Mean(space, known, name, alone=len(objectives) == 1)
                for known in knowledge
                if name in {objective.name for objective in known.objectives}
            ]
            for name in objectives
        }
        self.objectives = dict(objectives)
        blocks = [_Expected(name, of_tasks) for name, of_tasks in means.items() if of_tasks]
        self.blocks = Blocks(space, blocks)
        self.measured = [a for each in knowledge for a in each.architectures(space)]

    @property
    def known(self) -> list[bool]:
        """Which objectives other tasks know of."""
        return [name in self.blocks.slices for name in self.objectives]

    def slices(self, start: int) -> list[slice | None]:
        """The columns of each objective, where the features begin at column ``start``."""
        own = [self.blocks.slices.get(name) for name in self.objectives]
        return [s and slice(s.start + start, s.stop + start) for s in own]

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """``n x width`` features: what is expected, oriented, centred and scaled."""
        return self.blocks.encode(architectures)

    def promise(self, architectures: Sequence[Architecture]) -> Tensor:
        """``n x k``: what is expected of the ``k`` objectives that are known; more is better."""
        X = self.encode(architectures)
        columns = [X[:, own].sum(1) for own in self.blocks.slices.values()]
        return torch.stack(columns, dim=1)


class _Expected:
    """An encoder: what each of several tasks makes one expect of an objective."""

    def __init__(self, objective: str, means: Sequence[_Mean]) -> None:
        self.name, self.width = objective, len(means)
        self._means = means

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        return torch.stack([mean(architectures) for mean in self._means], dim=1)


class _Mean:
    """The posterior mean of one objective on another task, oriented and warped."""

    def __init__(self, space: Space, known: Knowledge, name: str, alone: bool) -> None:
        j = [objective.name for objective in known.objectives].index(name)
        y = torch.from_numpy(oriented(known.values[:, j], [known.objectives[j].direction]))[:, 0]
        warped = Warp.of(y, form_of(y, alone)).warped(y).unsqueeze(1)
        self._blocks = shared_blocks(space, _READ)
        self._own = {a.key: a for a in space.members or ()}  # equal networks are encoded equally
        X = self._encoded(known.architectures(space))
        self._model = GraphGP(X, warped, Layout(self._blocks.slices, {}))

    def __call__(self, architectures: Sequence[Architecture]) -> Tensor:
        return self._model.marginals(self._encoded(architectures))[0]

    def _encoded(self, architectures: Sequence[Architecture]) -> Tensor:
        return self._blocks.encode([self._own.get(a.key, a) for a in architectures])


def _check(known: Knowledge, objectives: Mapping[str, str]) -> None:
    shared = [goal for goal in known.objectives if goal.name in objectives]
    if not shared:
        raise InvalidArgument(
            f"{known!r} is about none of the objectives {list(objectives)}; name its values as "
            "the objectives of this search are named"
        )
    for goal in shared:
        if goal.direction != objectives[goal.name]:
            raise InvalidArgument(
                f"{known!r} is about {goal.name!r} to {goal.direction}, this search has it to "
                f"{objectives[goal.name]}; turn the sign of its values"
            )


def checked(given: object, space: Space | None, surrogate: object) -> tuple[Knowledge, ...]:
    """A list of knowledge that a search can use; it may be empty.

    Raises:
        InvalidArgument: if it is none, does not fit the space, or the surrogate cannot read it.
    """
    if not isinstance(given, Sequence) or not all(isinstance(k, Knowledge) for k in given):
        raise InvalidArgument(f"knowledge must be a list of Knowledge, got {given!r}")
    if given and space is None:
        raise InvalidArgument("knowledge is of architectures and needs a space; give a space")
    if given and surrogate in _DEAF:
        raise InvalidArgument(
            f"surrogate {surrogate!r} cannot read knowledge of other tasks; choose 'mixture' or "
            "'gp', or leave knowledge out"
        )
    for known in given:
        known.architectures(space)
    return tuple(given)
