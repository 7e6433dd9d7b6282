"""Evaluations that a supernet's score saves a search, replayed on networks that were all trained.

An evaluation returns the accuracy of one training; the networks that a search found are judged by
the mean over all trainings. The score is read as a zero-cost score, or as a source task. Noise and
the reversed score take its place to show what a supernet costs that says nothing, or the opposite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bonas.benchmarks.baselines import MakeSampler
from bonas.benchmarks.baselines.search_settings import SearchSettings
from bonas.benchmarks.comparison.compare import compare
from bonas.benchmarks.comparison.statistics import mean_interval
from bonas.benchmarks.supernets.inherited import Inherited
from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.tables import Table
from bonas.benchmarks.tables.scale import Array
from bonas.benchmarks.tables.scores import RecordedScores
from bonas.evaluation.objective import ACCURACY, Objective
from bonas.spaces import Choices
from bonas.studies.transfer.source_task import SourceTask
from bonas.supernets.training.scoring import InheritedScore

SIGNALS = ("published", "noise", "reversed")
"""What a search reads as scores: the supernet's, noise, or the negated ones."""

_MULTIPLY_ADDS = Objective("multiply_adds", "minimize")
_WITHOUT: MakeSampler = SearchSettings({"zero_cost": False})
_NEAR = 0.02  # the share of the best networks one of which is to be found
_GAP = 1.0  # percent of the hypervolume that a front may lack


@dataclass(frozen=True, slots=True)
class Saving:
    """Evaluations until a search found what was wanted, with scores and without, seed by seed.

    Attributes:
        problem: Its name.
        goal: What was wanted.
        signal: A name out of ``SIGNALS``.
        door: How the search reads it.
        without: Evaluations of the search that reads no scores.
        with_score: The same of the one that does.
    """

    problem: str
    goal: str
    signal: str
    door: str
    without: Array
    with_score: Array


def savings(
    problem: Problem,
    networks: Sequence[Choices],
    trainings: Array,
    inherited: Inherited,
    *,
    budget: int,
    seeds: int,
    signals: Sequence[str] = SIGNALS,
    storage: Path | None = None,
) -> Iterator[Saving]:
    """Search for one of the best networks, and for the front of accuracy and multiply-adds.

    Args:
        problem: Of the networks, whose parameters apply to all of them.
        networks: ``n`` of them.
        trainings: Accuracies, ``n x seeds``.
        inherited: What supernets say; a search reads the mean of their ranks.
        budget: Evaluations at most.
        seeds: Paired searches.
        signals: Names out of ``SIGNALS``.
        storage: A journal that keeps the searches; the same call resumes.
    """
    truth = trainings.mean(axis=1)
    best = np.sort(truth)[::-1]
    tolerance = float(best[0] - best[max(0, round(_NEAR * len(best)) - 1)])
    scores = RecordedScores(("supernet",), inherited.loss.mean(axis=1)[:, None])
    for several, goal in ((False, f"one of the best {_NEAR:.0%}"), (True, f"{_GAP:g} % gap")):
        metric, at = ("until", _GAP) if several else ("within", tolerance)
        for signal in signals:
            table = _table(problem, networks, trainings, scores.shown_as(signal), several=several)
            methods = {"without": _WITHOUT, **_doors(networks, table)}
            found = compare(
                methods, [table], budget, seeds, storage, progress=False, within=(tolerance,)
            )
            spent = found.values(table.name, metric, at)
            own = spent.pop("without")
            for door, with_score in spent.items():
                yield Saving(problem.name, goal, signal, door, own, with_score)


def saving_table(found: Sequence[Saving]) -> str:
    """Return a text table: mean evaluations, and the difference with its 95 % interval."""
    lines = [
        "problem       until found            score      read as      seeds  without    with"
        "    difference",
        "",
    ]
    for each in found:
        difference = mean_interval(each.with_score - each.without)
        own = each.without.mean()
        shares = [100 * float(x) / own for x in (difference.mean, difference.low, difference.high)]
        lines.append(
            f"{each.problem:13} {each.goal:21}  {each.signal:9}  {each.door:11}"
            f"  {len(each.without):5d}"
            f"  {own:7.1f} {each.with_score.mean():7.1f}"
            f"    {shares[0]:+.0f} % [{shares[1]:+.0f}, {shares[2]:+.0f}]"
        )
    return "\n".join(lines)


def _doors(networks: Sequence[Choices], table: Table) -> dict[str, MakeSampler]:
    """Return the searches that read the scores of a table, by how they do."""
    assert table.scores is not None
    values = table.scores.values[:, 0].tolist()
    scores = [InheritedScore(*each) for each in zip(networks, values, strict=True)]
    task = SourceTask.of_scores("supernet", scores)
    return {
        "score": SearchSettings({}),
        "source task": SearchSettings({"zero_cost": False, "source_tasks": [task]}),
    }


def _table(
    problem: Problem,
    networks: Sequence[Choices],
    trainings: Array,
    scores: RecordedScores,
    *,
    several: bool,
) -> Table:
    costs = np.array([problem.space.costs(choices)["multiply_adds"] for choices in networks])
    truth = np.stack([trainings.mean(axis=1), costs], axis=1)
    repeated = np.repeat(costs[:, None], trainings.shape[1], axis=1)
    shown = np.stack([trainings, repeated], axis=1)
    m = 2 if several else 1
    return Table(
        name=f"{problem.name}, {m} objectives, {scores.signal}",
        space=problem.space,
        objectives=(ACCURACY, _MULTIPLY_ADDS)[:m],
        rows=[tuple(choices.values()) for choices in networks],
        truth=truth[:, :m],
        shown=shown[:, :m],
        signal="one training",
        scores=scores,
        cheap={"multiply_adds": 0.0} if several else {},
    )
