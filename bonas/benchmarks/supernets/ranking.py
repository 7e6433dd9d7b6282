"""How well supernets rank networks, beside costs and one more training.

Every number is Spearman's rank correlation with the truth, the mean accuracy of trainings from
scratch. That of one training is with the mean of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from bonas.benchmarks.supernets.inherited import Inherited
from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.tables.scale import Array
from bonas.spaces import Choices
from bonas.supernets.report.rank_correlation import mean_rank, spearman_interval


@dataclass(frozen=True, slots=True)
class Agreement:
    """The rank correlation of one number of networks with the truth.

    Attributes:
        problem: Its name.
        number: What ranks the networks.
        networks: How many.
        spearman: The mean over seeds.
        error: Its standard error over seeds; NaN for one.
        interval: Of 95 %, by the sampling of networks, for the mean.
    """

    problem: str
    number: str
    networks: int
    spearman: float
    error: float
    interval: tuple[float, float]


def agreements(
    problem: Problem, networks: Sequence[Choices], trainings: Array, inherited: Inherited
) -> Iterator[Agreement]:
    """Yield the agreements of all that ranks networks.

    Args:
        problem: Of the networks.
        networks: ``n`` of them.
        trainings: Accuracies, ``n x seeds``.
        inherited: What supernets say.
    """
    costs = [problem.space.costs(choices) for choices in networks]
    parameters = np.array([row["parameters"] for row in costs])
    multiply_adds = np.array([row["multiply_adds"] for row in costs])
    truth = trainings.mean(axis=1)

    def row(number: str, columns: Array) -> Agreement:
        every = [_spearman(column, truth) for column in columns.T]
        return _agreement(problem.name, number, len(truth), every)

    yield row("parameters", parameters[:, None])
    yield row("multiply-adds", multiply_adds[:, None])
    yield _agreement(problem.name, "one training", len(truth), list(_one_training(trainings)))
    for name, values in (
        ("supernet, loss", inherited.loss),
        ("supernet, accuracy", inherited.accuracy),
        ("supernet, an epoch on", inherited.tuned),
    ):
        yield row(name, values)
        with_costs = [mean_rank(column, multiply_adds) for column in values.T]
        yield row(f"{name}, and multiply-adds", np.stack(with_costs, axis=1))
    yield row("all supernets, loss", mean_rank(*inherited.loss.T)[:, None])
    yield row("all supernets, an epoch on", mean_rank(*inherited.tuned.T)[:, None])


def agreement_table(found: Sequence[Agreement]) -> str:
    """Return a text table with one row per number."""
    lines = ["problem       networks  ranked by                                Spearman", ""]
    lines += [
        f"{each.problem:13} {each.networks:8d}  {each.number:39}  {_shown(each)}" for each in found
    ]
    return "\n".join(lines)


def price_line(problem: Problem, inherited: Inherited, training_seconds: Sequence[float]) -> str:
    """Return what a supernet costs, in trainings from scratch."""
    own, one = float(inherited.seconds.mean()), float(np.mean(training_seconds))
    return (
        f"{problem.name}: a supernet takes {own:.0f} CPU s, as much as {own / one:.0f} trainings "
        f"from scratch of {one:.2f} s"
    )


def _one_training(trainings: Array) -> Iterator[float]:
    for seed in range(trainings.shape[1]):
        others = np.delete(trainings, seed, axis=1).mean(axis=1)
        yield _spearman(trainings[:, seed], others)


def _agreement(problem: str, number: str, networks: int, every: Sequence[float]) -> Agreement:
    mean = float(np.mean(every))
    error = float(np.std(every, ddof=1) / np.sqrt(len(every))) if len(every) > 1 else float("nan")
    estimate = spearman_interval(mean, networks)
    return Agreement(problem, number, networks, mean, error, (estimate.low, estimate.high))


def _spearman(x: Array, y: Array) -> float:
    return float(spearmanr(x, y).statistic)


def _shown(each: Agreement) -> str:
    low, high = each.interval
    seeds = "" if np.isnan(each.error) else f" ± {each.error:.2f}"
    return f"{each.spearman:.2f}{seeds:7}  [{low:.2f}, {high:.2f}]"
