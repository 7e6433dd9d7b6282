"""The result of a comparison: ranks, tests, and names that it does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparisons import NAN, ONE, TWO, InOrder, in_order, quietly, small_run

from bonas.benchmarks import Comparison
from bonas.benchmarks.comparison import RunKey
from bonas.benchmarks.tables.reference import Reference
from bonas.errors import (
    InvalidArgument,
)
from bonas.evaluation import ACCURACY as ACCURACY_GOAL


def test_methods_of_one_objective_are_left_out_of_problems_of_several() -> None:
    found = quietly(["random", "local-search"], [ONE, TWO], 3, 2)
    assert found.left_out("one") == {}
    assert found.left_out("two") == {"local-search": "for one objective only"}
    assert np.isfinite(found.array("gap", 3)).all(axis=2).tolist() == [[True, True], [True, False]]
    assert "local-search" not in found.tests("two", "gap", 3)


def test_a_comparison_counts_evaluations_to_a_value_within_its_tolerances() -> None:
    """The regrets of the widths in their order are 40, 30, 20, 10, 0."""
    found = in_order(ONE, 8, within=[20, 10.0, 10])
    assert found.within == (10.0, 20.0)
    assert found.keys("within") == (10.0, 20.0)
    assert [found.array("within", at).item() for at in (10.0, 20.0)] == [4.0, 3.0]


@pytest.mark.parametrize("within", [0.4, "0.4", [-0.1], [NAN], [float("inf")], ["0.4"]])
def test_tolerances_are_numbers(within: object) -> None:
    with pytest.raises(InvalidArgument, match="tolerance"):
        in_order(ONE, 8, within=within)


def test_ranks_and_tests_compare_the_methods() -> None:
    methods = {"early": InOrder, "late": lambda space, seed: InOrder(space, seed + 6)}
    found = quietly(methods, [ONE], 8, [0, 1, 2, 3, 4, 0 + 5])
    assert found.main_metric("one") == ("queries", None)
    # Seeds 0 to 4 find width 5 after 5 to 1 evaluations, seed 5 after 8; two widths less: 7 to 3, 2
    assert found.array("queries")[0].tolist() == [[5, 4, 3, 2, 1, 8], [7, 6, 5, 4, 3, 2]]
    test = found.tests("one", "queries")["late"]
    assert (test.pairs, test.p) == (6, test.adjusted)
    assert test.effect == pytest.approx((5 * 3 - 6) / 21)  # five ties of rank 3, one of 6
    assert found.tests("one", "queries", baseline="late")["early"].effect == -test.effect
    assert found.ranks() == {"early": 1.0, "late": 2.0}  # means 23 / 6 and 27 / 6


def test_unknown_names_of_a_comparison_are_refused_with_those_that_are_known() -> None:
    found = in_order(ONE, 3)
    with pytest.raises(InvalidArgument, match=r"unknown metric 'regrets'; expected one of"):
        found.array("regrets")
    with pytest.raises(InvalidArgument, match=r"unknown key of the metric 'gap': 7; .*'3'"):
        found.array("gap", 7)
    with pytest.raises(InvalidArgument, match=r"unknown problem 'two'; expected one of 'one'"):
        found.values("two", "gap", 3)
    with pytest.raises(InvalidArgument, match="unknown baseline 'random'"):
        found.tests("one", "queries", baseline="random")


def half_run() -> Comparison:
    """Compare two methods, of which one has a run of one of two problems and seeds."""
    keys = [RunKey("a", "m", 0), RunKey("a", "m", 1), RunKey("b", "m", 0), RunKey("a", "n", 1)]
    values = {0: [[50.0], [90.0]], 1: [[60.0], [70.0]]}
    runs = {key: small_run(key, values[key.seed]) for key in keys}
    reference = Reference.of((ACCURACY_GOAL,), [[90.0], [50.0]], exact=True)
    return Comparison({"a": reference, "b": reference}, ["m", "n"], [0, 1], 2, runs, (1, 5, 2))


def test_a_metric_has_a_place_for_each_problem_method_and_seed() -> None:
    found = half_run()
    np.testing.assert_array_equal(
        found.array("regret", 1), [[[40.0, 30.0], [NAN, 30.0]], [[40.0, NAN], [NAN, NAN]]]
    )
    np.testing.assert_array_equal(found.values("a", "queries")["m"], [2.0, 2.0])
    np.testing.assert_array_equal(found.array("found")[0], [[1.0, 0.0], [NAN, 0.0]])


def test_checkpoints_beyond_the_budget_are_replaced_by_it() -> None:
    found = half_run()
    assert found.effective_checkpoints == (1, 2)
    assert found.keys("gap") == (1, 2)
    assert replace(found, checkpoints=()).effective_checkpoints == (2,)


def test_a_method_without_runs_is_named_with_the_reason() -> None:
    found = half_run()
    assert found.left_out("a") == {}
    assert found.left_out("b") == {"n": "not run"}
    with pytest.raises(InvalidArgument, match="unknown problem 'c'"):
        found.left_out("c")


def test_a_problem_that_a_method_has_no_run_of_does_not_count_for_its_rank() -> None:
    # On a: means over the seeds 2 and 2, equal. On b only m ran, and is the first of one.
    assert half_run().ranks() == {"m": 1.25, "n": 1.5}
    assert half_run().ranks(["b"]) == {"m": 1.0, "n": pytest.approx(NAN, nan_ok=True)}


def test_a_tidy_row_is_a_number_of_one_run() -> None:
    rows = half_run().tidy()
    assert ("a", "m", 0, "queries", None, 2.0) in rows
    assert ("b", "m", 0, "gap", 1, 100.0) in rows
    assert len({row[:5] for row in rows}) == len(rows)
    assert {row[:3] for row in rows} == set(map(tuple, half_run().runs))


def test_the_first_method_is_the_baseline_where_none_is_named() -> None:
    found = half_run()
    assert found.checked_baseline(None) == "m"
    assert found.checked_baseline("n") == "n"
    assert list(found.tests("a", "regret", 1)) == ["n"]
    assert list(found.tests("b", "regret", 1)) == []


def test_p_values_are_corrected_over_the_methods_of_a_problem() -> None:
    best = {"m": 90.0, "n": 80.0, "o": 70.0}
    keys = [RunKey("a", method, seed) for method in best for seed in range(6)]
    runs = {key: small_run(key, [[best[key.method] - key.seed]]) for key in keys}
    reference = Reference.of((ACCURACY_GOAL,), [[90.0], [50.0]], exact=True)
    tests = Comparison({"a": reference}, list(best), range(6), 1, runs).tests("a", "regret", 1)
    # Six pairs, all for m: p = 2 / 2 ** 6 each; Holm doubles the smaller, and the other follows.
    assert {name: (test.p, test.adjusted) for name, test in tests.items()} == {
        "n": (0.03125, 0.0625),
        "o": (0.03125, 0.0625),
    }
