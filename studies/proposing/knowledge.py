"""The guard of knowledge: a source task that ranks the first ten networks badly is dropped.

    lead = |rho(m, y)| - |rho(c, y)|        over the first 10 networks with a value

``y`` are their values of one objective, ``m`` what a source task predicts of them, ``c`` their
numbers of parameters; rho is Spearman's rank correlation. For that objective the source task is
dropped if both hold: the whole 95 % bootstrap interval of its lead is below 0, so that parameters
rank better, and its own rho is no more than chance gives (p of at least 0.05). Where a space does
not know its parameters, nothing is dropped. Signs do not count: the surrogate learns them, though
slowly where the other one is expected (``SourceTask.expected_correlation``).

The surrogate weighs knowledge by itself, and what says nothing gets little weight: in replayed
searches stricter rules saved no evaluations (``docs/benchmarks.md``). So only what is sure to rank
worse is dropped; what is kept is logged with its figures. The decision follows from the stored
trials alone, and is the same in each process.

Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr
from torch import Tensor

from bonas.spaces import Architecture, Space
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.task import Task
from bonas.studies.transfer.prior_mean import PriorColumn, TransferPrior
from bonas.studies.transfer.source_task import SourceTask
from bonas.supernets.report.rank_correlation import spearmans
from bonas.surrogates import TransformedModel, share_of_prior

Array = npt.NDArray[np.float64]

MEASURED = 10
"""The number of measured networks at which knowledge is judged."""
_DRAWS, _LEVEL = 2_000, 0.05

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well knowledge ranks networks, compared with their numbers of parameters.

    Attributes:
        knowledge: Spearman's rank correlation with the measured values; NaN if it is not defined.
        parameters: That of the number of parameters; NaN if the space does not know it.
        lead: The 95 % bootstrap interval of ``|knowledge| - |parameters|``; NaN where one is NaN.
        p: The two-sided p-value of ``knowledge``, if there were no correlation.
    """

    knowledge: float
    parameters: float
    lead: tuple[float, float]
    p: float

    @classmethod
    def of(cls, knowledge: Array, parameters: Array | None, values: Array) -> Agreement:
        """Compare ``n`` predictions, and numbers of parameters if they are known, with values."""
        sizes = np.zeros_like(values) if parameters is None else parameters
        columns = np.stack([knowledge, sizes, values])
        rho, of_sizes = spearmans(columns[None])[0].tolist()
        rows = np.random.default_rng(0).integers(len(values), size=(_DRAWS, len(values)))
        drawn = np.abs(spearmans(columns[:, rows].swapaxes(0, 1)))
        leads = drawn[:, 0] - drawn[:, 1]
        leads = leads[np.isfinite(leads)]
        low, high = np.quantile(leads, [0.025, 0.975]) if len(leads) else (np.nan, np.nan)
        p = float(spearmanr(knowledge, values).pvalue) if np.isfinite(rho) else np.nan
        return cls(rho, of_sizes, (float(low), float(high)), p)


def clearly_misleads(found: Agreement) -> bool:
    """Return whether knowledge may rank by chance alone, and parameters surely rank better."""
    return found.p >= _LEVEL and found.lead[1] < 0


class Knowledge:
    """What source tasks say of the objectives of a study, without those that mislead.

    Args:
        space: The architectures; None in a search over other parameters alone.
        source_tasks: The source tasks.

    Attributes:
        everything: The prior of all source tasks; None until a proposal needs it.
        misleads: Returns whether a source task is dropped, by its agreement.
    """

    def __init__(self, space: Space | None, source_tasks: Sequence[SourceTask]) -> None:
        self.space, self.source_tasks = space, source_tasks
        self.everything: TransferPrior | None = None
        self.misleads: Callable[[Agreement], bool] = clearly_misleads
        self._judged: dict[tuple[object, ...], Agreement] = {}
        self._unsaid: dict[PriorColumn, Agreement] = {}
        self._said: set[PriorColumn] = set()
        self._kept: TransferPrior | None = None

    def prior(self, task: Task, observations: Observations) -> TransferPrior | None:
        """Return the prior of the source tasks that are kept; None if there are none.

        Judges those that are not judged yet, once ten networks have a value; ``say`` logs it.
        """
        if not self.source_tasks or self.space is None:
            return None
        objectives = {goal.name: goal.direction for goal in task.objectives if task.is_named}
        if self.everything is None or self.everything.objectives != objectives:
            self.everything = TransferPrior(self.space, self.source_tasks, objectives)
            self._kept = self.everything
        every = self.everything.columns
        columns = [each for each in every if not self._is_dropped(each, observations)]
        if self._kept is None or list(self._kept.columns) != columns:
            everything = len(columns) == len(every)
            self._kept = self.everything if everything else self.everything.keeping(columns)
        return self._kept

    def say(self, models: Sequence[TransformedModel]) -> None:
        """Log how well each newly judged source task ranks the first measured networks.

        Args:
            models: One per objective of the study, which say how much knowledge explains.
        """
        for column, found in self._unsaid.items():
            if self.misleads(found):
                _logger.warning("%s: it is dropped", _sentence(column, found))
                continue
            share = share_of_prior(models[self._index(column)].model)
            more = "" if share is None else f"; in the surrogate it explains {share:.0%}"
            _logger.info("%s%s", _sentence(column, found), more)
        self._said |= self._unsaid.keys()
        self._unsaid.clear()

    def _index(self, column: PriorColumn) -> int:
        assert self.everything is not None  # the column is one of it
        return list(self.everything.objectives).index(column.objective)

    def _is_dropped(self, column: PriorColumn, observations: Observations) -> bool:
        j = self._index(column)
        rows = torch.nonzero(~observations.values[:, j].isnan()).flatten()[:MEASURED]
        if len(rows) < MEASURED:
            return False
        y = observations.values[rows, j]
        points = [observations.points[i] for i in rows.tolist()]
        key = column, tuple(point.key for point in points), tuple(y.tolist())
        if key not in self._judged:
            architectures = [point.architecture for point in points if point.architecture]
            self._judged[key] = self._agreement(column, architectures, y)
        if column not in self._said:
            self._unsaid[column] = self._judged[key]
        return self.misleads(self._judged[key])

    def _agreement(
        self, column: PriorColumn, architectures: Sequence[Architecture], y: Tensor
    ) -> Agreement:
        assert self.space is not None
        costs = [self.space.costs(each.choices).get("parameters") for each in architectures]
        sizes = None if None in costs else np.array(costs, np.float64)
        return Agreement.of(column.mean(architectures).numpy(), sizes, y.numpy())


def _sentence(column: PriorColumn, found: Agreement) -> str:
    """Return what is logged of one source task."""
    text = (
        f"source task {column.known.task!r} ranks the first {MEASURED} networks by "
        f"{column.objective!r} with a Spearman correlation of {found.knowledge:.2f}"
    )
    if np.isnan(found.parameters):
        return text
    return f"{text}, their number of parameters with one of {found.parameters:.2f}"
