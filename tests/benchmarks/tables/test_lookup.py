"""What an evaluation returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from small_tables import NAN, OWN, look_up

from bonas.benchmarks.tables import (
    Lookup,
    Table,
)
from bonas.evaluation import ACCURACY, Objective
from bonas.spaces import NASBench201


def test_a_lookup_returns_what_it_is_and_what_it_sees() -> None:
    lookup = OWN.evaluate
    assert lookup.objectives == OWN.objectives
    assert lookup.describe() == {
        "accuracy": {"table": "mine", "signal": "truth"},
        "latency": {"table": "mine", "signal": "truth"},
    }
    assert look_up(OWN, {"op": "a", "depth": 2}) == {"accuracy": 80.0, "latency": 5.0}


def recorded(objectives: Sequence[Objective], masked: Sequence[int] = ()) -> Table:
    """Return cells of one edge with two recordings of the accuracy each, the first with three."""
    space = NASBench201(nodes=2, allow_disconnected=True)
    rows = [(operation,) for operation in space.operations]
    accuracy = np.array([[1.0, 2.0, 6.0], *([10.0 * i, 10.0 * i + 1, NAN] for i in range(1, 5))])
    cost = np.where(np.isin(np.arange(5), masked), NAN, np.arange(5.0))
    columns = {
        "accuracy": (np.nanmean(accuracy, 1), accuracy),
        "cost": (cost, cost[:, None] + [0] * 3),
    }
    return Table(
        "recorded",
        space,
        tuple(objectives),
        rows,
        np.stack([columns[o.name][0] for o in objectives], 1),
        np.stack([columns[o.name][1] for o in objectives], 1),
        "one_seed",
    )


COST = Objective("cost", "minimize")


def test_an_evaluation_returns_one_recording_and_always_the_same() -> None:
    table = recorded([ACCURACY])
    choices = {"edge_0_1": "none"}
    shown = [look_up(table, choices, seed)["accuracy"] for seed in range(600)]
    assert shown == [look_up(table, choices, seed)["accuracy"] for seed in range(600)]
    # Each of three comes 200 times of 600; five standard errors are 5 sqrt(600 x 1/3 x 2/3) = 58.
    assert {value: abs(shown.count(value) - 200) < 58 for value in set(shown)} == {
        1.0: True,
        2.0: True,
        6.0: True,
    }
    assert table.true_values([choices]) == [[3.0]]
    assert Lookup(table, 7).describe()["accuracy"] == {
        "table": "recorded",
        "signal": "one_seed",
        "seed": 7,
    }


def test_a_recording_that_is_not_there_is_never_shown() -> None:
    shown = {
        look_up(recorded([ACCURACY]), {"edge_0_1": "skip_connect"}, s)["accuracy"]
        for s in range(99)
    }
    assert shown == {10.0, 11.0}


def test_other_rows_and_objectives_do_not_change_what_is_shown() -> None:
    alone, both = recorded([ACCURACY]), recorded([COST, ACCURACY], masked=[0])
    assert both.masked == 1
    for choices in both.space:
        for seed in range(9):
            shown = look_up(both, choices, seed)
            assert shown["accuracy"] == look_up(alone, choices, seed)["accuracy"]
            assert shown["cost"] == both.true_values([choices])[0, 0]


def test_a_row_that_shows_nothing_is_masked() -> None:
    space = NASBench201(nodes=2, operations=("none", "skip_connect"), allow_disconnected=True)
    truth = np.array([[1.0], [2.0]])
    table = Table("t", space, (ACCURACY,), [("none",), ("skip_connect",)], truth, truth[:, :, None])
    assert table.masked == 0
    shown = np.array([[[NAN]], [[2.0]]])
    table = Table("t", space, (ACCURACY,), [("none",), ("skip_connect",)], truth, shown)
    assert table.masked == 1
    assert not table.space.is_valid({"edge_0_1": "none"})
