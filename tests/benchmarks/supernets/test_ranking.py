"""Rank correlations, gains and savings on scores that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from bonas.benchmarks.supernets.inherited import Inherited
from bonas.benchmarks.supernets.problems import Problem, problems
from bonas.benchmarks.supernets.ranking import agreement_table, agreements
from bonas.benchmarks.supernets.search import saving_table, savings
from bonas.benchmarks.supernets.surrogate import gain_table, gains
from bonas.benchmarks.tables.scale import Array
from bonas.spaces import Choices

_N = 64  # scores are read from 60 networks on


@pytest.fixture(scope="module")
def cells() -> Problem:
    return problems()["cells"]()


@pytest.fixture(scope="module")
def networks(cells: Problem) -> list[Choices]:
    return cells.networks(_N)


_RNG = np.random.default_rng(0)
_TRUTH = _RNG.normal(size=_N)
_TRAININGS: Array = 90 + _TRUTH[:, None] + 0.3 * _RNG.normal(size=(_N, 3))


def _inherited(scores: Array) -> Inherited:
    columns = np.stack([scores, scores], axis=1)
    return Inherited(columns, columns, columns, np.array([50.0, 52.0]))


def test_scores_and_costs_are_correlated_with_the_mean_training(
    cells: Problem, networks: list[Choices]
) -> None:
    truth = _TRAININGS.mean(axis=1)
    found = {
        each.number: each.spearman
        for each in agreements(cells, networks, _TRAININGS, _inherited(truth))
    }
    assert found["supernet, loss"] == pytest.approx(1.0)
    assert found["all supernets, loss"] == pytest.approx(1.0)
    parameters = [cells.space.costs(choices)["parameters"] for choices in networks]
    assert found["parameters"] == pytest.approx(spearmanr(parameters, truth).statistic)
    ceiling = [
        spearmanr(_TRAININGS[:, i], np.delete(_TRAININGS, i, axis=1).mean(axis=1)).statistic
        for i in range(3)
    ]
    assert found["one training"] == pytest.approx(np.mean(ceiling))


def test_the_table_has_a_row_per_number(cells: Problem, networks: list[Choices]) -> None:
    found = list(agreements(cells, networks, _TRAININGS, _inherited(_TRUTH)))
    assert len(agreement_table(found).splitlines()) == 2 + len(found)


def test_a_score_that_knows_the_truth_helps_a_surrogate_and_noise_does_not(
    cells: Problem, networks: list[Choices]
) -> None:
    noise = np.random.default_rng(1).normal(size=_N)
    helpful, useless = (
        list(gains(cells, networks, _TRAININGS, _inherited(scores), [12], 6, ["gp"]))
        for scores in (_TRAININGS.mean(axis=1), noise)
    )
    gain = float((helpful[0].with_score - helpful[0].without).mean())
    assert gain > 0.2
    assert gain > float((useless[0].with_score - useless[0].without).mean())
    assert "+" in gain_table(helpful)


def test_a_search_that_reads_the_truth_as_a_score_needs_fewer_evaluations(
    cells: Problem, networks: list[Choices], tmp_path: Path
) -> None:
    found = list(
        savings(
            cells,
            networks,
            _TRAININGS,
            _inherited(_TRAININGS.mean(axis=1)),
            budget=20,
            seeds=3,
            signals=["published"],
            storage=tmp_path / "searches.log",
        )
    )
    goals = ["one of the best 2%", "1 % gap"]
    assert [(each.goal, each.door) for each in found] == [
        (goal, door) for goal in goals for door in ("score", "source task")
    ]
    for each in found[:2]:
        assert each.with_score.mean() < each.without.mean(), each.door
    assert "%" in saving_table(found)
