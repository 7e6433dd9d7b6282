"""Problems: tables with their answers, and spaces with an evaluator."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import GOALS, ONE, TWO, Widths, evaluate

from bonas.benchmarks.comparison.problem import SpaceProblem, TableProblem, resolve_problem
from bonas.benchmarks.tables import Lookup
from bonas.errors import InvalidArgument
from bonas.evaluation import as_objectives

OWN = SpaceProblem("mine", Widths(), as_objectives(GOALS), evaluate)


def test_the_answer_is_the_front_but_for_the_edges() -> None:
    # a is the slowest and d the least accurate: neither adds hypervolume.
    assert TableProblem(TWO).answer == {(80.0, 5.0), (60.0, 3.0)}
    assert TableProblem(ONE).answer == {(90.0,)}


def test_a_table_is_judged_by_its_own_reference() -> None:
    problem = TableProblem(TWO)
    assert problem.reference is TWO.reference
    assert problem.reference.exact
    assert problem.truth({"op": "b"}) == (80.0, 5.0)
    assert problem.evaluator(7) == Lookup(TWO, 7)
    assert (problem.name, problem.space, problem.objectives) == ("two", TWO.space, TWO.objectives)


def test_a_table_is_identified_by_space_signal_and_rows() -> None:
    assert TableProblem(TWO).describe() == {
        "searched": TWO.space.describe(),
        "signal": "truth",
        "rows": 5,
    }


def test_of_a_space_no_answer_is_known() -> None:
    assert (OWN.reference, OWN.answer, OWN.truth({"width": 1, "depth": 1})) == (None, None, None)
    assert OWN.evaluator(0) is OWN.evaluator(1) is evaluate


def test_a_space_is_identified_with_what_its_evaluator_describes() -> None:
    class Described:
        objectives = as_objectives(GOALS)

        def __call__(self, candidate: object) -> dict[str, float]:
            raise AssertionError("nothing is evaluated")

        def describe(self) -> dict[str, object]:
            return {"accuracy": {"epochs": 3}}

    assert OWN.describe()["evaluation"] == {}
    described = SpaceProblem("mine", Widths(), as_objectives(GOALS), Described())
    assert described.describe() == {
        "searched": Widths().describe(),
        "signal": "measured",
        "evaluation": {"accuracy": {"epochs": 3}},
    }


def test_what_is_given_is_resolved_to_a_problem() -> None:
    assert resolve_problem(OWN) is OWN
    assert resolve_problem(ONE) == TableProblem(ONE)
    with pytest.raises(InvalidArgument, match=r"a problem must be a name .* got array"):
        resolve_problem(np.zeros(3))  # type: ignore[arg-type]  # on purpose
