"""The result of a comparison: ranks, tests, and names that it does not know."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import ONE, TWO, InOrder, in_order, quietly

from bonas.errors import (
    InvalidArgument,
)


def test_methods_of_one_objective_are_left_out_of_problems_of_several() -> None:
    found = quietly(["random", "local-search"], [ONE, TWO], 3, 2)
    assert found.left_out("one") == {}
    assert found.left_out("two") == {"local-search": "for one objective only"}
    assert np.isfinite(found.array("gap", 3)).all(axis=2).tolist() == [[True, True], [True, False]]
    assert "local-search" not in found.tests("two", "gap", 3)


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
