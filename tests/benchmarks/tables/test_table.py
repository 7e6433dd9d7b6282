"""The exact answers of a table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from candidates import candidate_of
from hypothesis import given
from small_tables import BOTH, ONE, OWN, ROWS, tables

import bonas
from bonas.benchmarks.tables import (
    Table,
)
from bonas.errors import InvalidArgument
from bonas.evaluation import Stages


def test_a_search_needs_the_table_only() -> None:
    with pytest.warns(UserWarning, match="all architectures of MeasuredPart were evaluated"):
        result = bonas.optimize(
            OWN.space, 10, evaluate=OWN.evaluate, surrogate="random", seed=0, progress=False
        )
    assert len(result.candidates) == 5
    assert [tuple(c.choices.values()) for c in result.front] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
    ]
    assert OWN.gap(OWN.true_values([c.choices for c in result.front])) == 0.0


def test_the_front_by_hand() -> None:
    choices, values = OWN.front
    assert [tuple(c.values()) for c in choices] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    np.testing.assert_array_equal(values, OWN.truth[:4])


def test_the_answers_to_one_objective_by_hand() -> None:
    assert ONE.masked == 1
    assert ONE.optimum == ({"op": "d", "depth": 1}, 99.0)  # the first of the two
    assert ONE.regret([60.0, 90.0, 55.0]) == 9.0
    assert ONE.regret([[60.0]]) == 39.0
    assert ONE.regret([]) == math.inf
    assert ONE.max_hypervolume == 1.0
    assert ONE.gap([50.0]) == 1.0
    assert ONE.gap([[74.5], [60.0]]) == 0.5
    tied, values = ONE.front
    assert [c["depth"] for c in tied] == [1, 2]
    np.testing.assert_array_equal(values, [[99.0], [99.0]])


def test_a_regret_to_be_minimised_has_the_same_sign() -> None:
    table = Table.of(ROWS[:5], parameters=["op", "depth"], objectives={"latency": "minimize"})
    assert table.optimum == ({"op": "b", "depth": 2}, 1.0)
    assert table.regret([3.0, 9.0]) == 2.0


def test_an_objective_that_never_changes_has_no_regret() -> None:
    rows = {(x,): {"accuracy": 50.0, "latency": float(x)} for x in (1, 2)}
    table = Table.of(rows, parameters=["x"], objectives=BOTH)
    np.testing.assert_array_equal(table.scaled(table.truth), [[0.0, 0.0], [0.0, 1.0]])
    assert table.gap([[50.0, 1.0]]) == 0.0


def test_a_table_of_extremes_only_has_no_gap() -> None:
    rows = {(x,): {"accuracy": float(x), "latency": float(x)} for x in (1, 2)}
    table = Table.of(rows, parameters=["x"], objectives=BOTH)
    assert table.max_hypervolume == 0.0
    assert table.gap([]) == 0.0


@given(tables())
def test_the_front_is_what_no_other_row_beats(table: Table) -> None:
    losses = table.scaled(table.truth)
    beaten = [
        any((other <= one).all() and (other < one).any() for other in losses) for one in losses
    ]
    numbers = {table.row(choices) for choices in table.front[0]}
    assert numbers == {i for i, b in enumerate(beaten) if not b}
    assert table.gap(table.front[1]) == pytest.approx(0.0, abs=1e-12)


def test_cheap_objectives_are_looked_up_alone() -> None:
    table = Table.of(
        ROWS, parameters=["op", "depth"], objectives=BOTH, cheap={"latency": 0.5}, name="cheap"
    )
    evaluate = table.evaluate
    assert isinstance(evaluate, Stages)
    (cheap,) = evaluate.cheap
    choices = {"op": "b", "depth": 1}
    assert cheap(candidate_of(table.space, choices)) == {"latency": 3.0}
    assert evaluate(candidate_of(table.space, choices)) == {"accuracy": 60.0, "latency": 3.0}
    assert evaluate.describe().keys() == {"accuracy", "latency"}
    with pytest.raises(InvalidArgument, match="cheap objective"):
        OWN.with_cheap({"energy": 0.0}, "other")
