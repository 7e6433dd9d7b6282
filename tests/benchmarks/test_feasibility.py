"""The benchmark of failures and constraints: scores by hand, and what searches lose."""

import numpy as np
import pytest

from bonas.benchmarks.feasibility import (
    CASES,
    Searched,
    _scored,
    predict_failures,
    predicted_table,
    runnable,
    search_with_constraint,
    searched_table,
)
from bonas.benchmarks.tables import NASBench201Table


def test_scores_are_those_of_a_worked_example() -> None:
    # pairs (runs, fails): 0.9 > 0.4, 0.9 > 0.6, 0.5 > 0.4, 0.5 < 0.6: three of four are in order
    probability, runs = np.array([0.9, 0.5, 0.4, 0.6]), np.array([True, True, False, False])
    auc, brier, base = _scored(probability, runs)
    assert auc == 0.75
    assert brier == pytest.approx((0.01 + 0.25 + 0.16 + 0.36) / 4)
    assert base == 0.25


def test_a_third_of_the_cells_does_not_run_on_the_edge_tpu() -> None:
    table = NASBench201Table("cifar10", ("accuracy", "parameters"))
    assert (~runnable(table, "edge_tpu")).sum() == 4_699
    assert (~runnable(table, "flops")).mean() == pytest.approx(0.17, abs=0.03)


def test_predictions_are_better_than_the_base_rate() -> None:
    found = list(predict_failures([50], [0]))
    assert [each.case for each in found] == list(CASES)
    assert all(each.auc > 0.7 and each.brier < each.base for each in found)
    assert len(predicted_table(found).splitlines()) == 2 + len(CASES)


def test_constrained_searches_are_paired() -> None:
    found = list(search_with_constraint(4, [0]))
    assert [each.method for each in found] == ["constraints", "filtered", "random"]
    assert all(each.gap >= 0 and 0 <= each.lost <= 4 for each in found)


def test_the_table_has_means_and_errors() -> None:
    found = [Searched("a", "b", seed, lost, gap) for seed, lost, gap in [(0, 1, 0.1), (1, 3, 0.3)]]
    assert searched_table(found).splitlines()[-1].split() == [
        *("a", "b", "2"),
        *("2.000", "1.000", "0.200", "0.100"),
    ]
