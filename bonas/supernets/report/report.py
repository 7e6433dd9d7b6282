"""Report: how a supernet's scores rank networks that were trained from scratch.

A rank correlation alone says nothing. Beside it stand that of the parameters and of the
multiply-adds, which cost nothing, and that of one more training, above which no score can be
expected.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bonas.errors import InvalidArgument
from bonas.evaluation import Objective, ShortTraining
from bonas.evaluation.objective import oriented
from bonas.spaces import Choices, Space
from bonas.supernets.report.ceiling import Again, repeated_ceiling
from bonas.supernets.report.measured import Measured, Network
from bonas.supernets.report.price import Price
from bonas.supernets.report.rank_correlation import (
    Array,
    Estimate,
    RankCorrelation,
    advantage,
    mean_rank,
)

_LEAST = 5  # networks
_SCORES = "supernet"
_COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds"}


@dataclass(frozen=True)
class Ranking:
    """How well networks are ranked by what was measured of one objective.

    Attributes:
        objective: What was measured. More of a score, and of a cost, counts as better.
        correlations: The rank correlations: of ``"supernet"``, ``"parameters"``,
            ``"multiply-adds"`` where the space knows them, and ``"supernet and multiply-adds"``,
            the mean of both ranks.
        ceiling: That of one more training of the networks with another seed; None if no network
            was trained twice.
        lead: By how much Spearman's rho of the supernet exceeds the best of the costs.
    """

    objective: Objective
    correlations: Mapping[str, RankCorrelation]
    ceiling: RankCorrelation | None
    lead: Estimate

    @property
    def best_cost(self) -> str:
        """The cost that ranks the networks best."""
        known = [name for name in _COSTS.values() if name in self.correlations]
        return max(known, key=lambda name: _defined(self.correlations[name].spearman.value))

    def __str__(self) -> str:
        """Return a table, and the lead below it."""
        rows = dict(self.correlations)
        if self.ceiling is not None:
            rows["one more training"] = self.ceiling
        width = max(len(str(self.objective)), *map(len, rows))
        lines = [f"{self.objective!s:{width}}  {'Spearman':22}  {'Kendall tau':22}  networks"]
        lines += [
            f"{name:{width}}  {found.spearman!s:22}  {found.kendall!s:22}  {found.n:8d}"
            for name, found in rows.items()
        ]
        if self.ceiling is None:
            lines.append("one more training: not known; report(..., retrain=20) trains 20 again")
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        cost, lead = self.best_cost, self.lead
        if math.isnan(lead.value):
            return "scores, or what was measured, are the same for all networks"
        said = f"supernet - {cost}: {lead.value:+.2f} [{lead.low:+.2f}, {lead.high:+.2f}]"
        if lead.low > 0:
            return f"{said}; it ranks better than counting {cost}"
        if lead.high < 0:
            return f"{said}; it ranks worse than counting {cost}, do not use it as knowledge"
        return f"{said}; not shown to rank better than counting {cost}"


@dataclass(frozen=True)
class SupernetReport:
    """What a supernet's scores are worth; ``print`` shows it as tables.

    Attributes:
        rankings: One per objective.
        price: What the supernet cost.
        scores: The scores, one per network of ``networks``.
        networks: The choices of the networks that were measured.
    """

    rankings: Sequence[Ranking]
    price: Price
    scores: Sequence[float]
    networks: Sequence[Choices]

    def __str__(self) -> str:
        """Return a table per objective, and the price."""
        title = f"scores of {len(self.networks)} networks, beside what was measured of them"
        return "\n\n".join([title, *map(str, self.rankings), str(self.price)])


def report(
    score: Callable[[Choices], float],
    space: Space,
    measured: Measured,
    objectives: Sequence[Objective],
    *,
    seconds: float | None,
    training: ShortTraining,
    retrain: int = 0,
    seed: int = 0,
) -> SupernetReport:
    """Score the networks that were measured, and compare.

    Args:
        score: The supernet's, more is better.
        space: Of the networks.
        measured: What a study measured.
        objectives: Those that are compared.
        seconds: Of the supernet's training; None where it is not known.
        training: From scratch, for ``retrain``.
        retrain: How many of the networks are trained once more, with another seed.
        seed: Of the draw of these, of their training and of the bootstrap.

    Raises:
        InvalidArgument: for fewer than five networks.
    """
    if len(measured.networks) < _LEAST:
        raise InvalidArgument(
            f"expected at least {_LEAST} measured networks of {type(space).__name__}, got "
            f"{len(measured.networks)}; report again after more evaluations"
        )
    scores = np.array([score(network.choices) for network in measured.networks], np.float64)
    costs = _costs(space, measured.networks)
    again = Again.trained(measured, retrain, space, training, seed) if retrain else None
    rankings = [
        _ranking(each, measured.networks, scores, costs, again, seed) for each in objectives
    ]
    trained = [*measured.seconds, *(again.seconds if again else ())]
    price = Price(seconds, statistics.median(trained) if trained else None)
    return SupernetReport(
        rankings, price, scores.tolist(), [network.choices for network in measured.networks]
    )


def _ranking(
    objective: Objective,
    networks: Sequence[Network],
    scores: Array,
    costs: Mapping[str, Array],
    again: Again | None,
    seed: int,
) -> Ranking:
    name = objective.name
    known = np.array([bool(network.values[name]) for network in networks])
    means = [np.mean(network.values[name]) for network in networks if network.values[name]]
    y = oriented(means, [objective.direction])[:, 0]
    numbers = {_SCORES: scores[known], **{cost: x[known] for cost, x in costs.items()}}
    multiply_adds = costs.get(_COSTS["multiply_adds"])
    if multiply_adds is not None:
        numbers[f"{_SCORES} and {_COSTS['multiply_adds']}"] = mean_rank(
            scores[known], multiply_adds[known]
        )
    ceiling = repeated_ceiling(networks, objective) if again is None else again.ceiling(objective)
    found = {each: RankCorrelation.of(x, y) for each, x in numbers.items()}
    best = max(costs, key=lambda cost: _defined(found[cost].spearman.value))
    lead = advantage(scores[known], costs[best][known], y, seed)
    return Ranking(objective, found, ceiling, lead)


def _costs(space: Space, networks: Sequence[Network]) -> dict[str, Array]:
    """Return the costs that the space knows of each network; their parameters at least."""
    rows = [space.costs(network.choices) for network in networks]
    found = {
        shown: np.array([row[name] for row in rows])
        for name, shown in _COSTS.items()
        if all(name in row for row in rows)
    }
    if _COSTS["parameters"] not in found:
        found[_COSTS["parameters"]] = np.array([_built(space, each) for each in networks])
    return found


def _built(space: Space, network: Network) -> float:
    """Return how many parameters a network has that the space builds."""
    return float(sum(p.numel() for p in space.build(network.choices).parameters()))


def _defined(value: float) -> float:
    """Return a number that is lower than all others where it is not defined."""
    return -math.inf if math.isnan(value) else value
