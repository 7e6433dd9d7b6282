"""Comparisons read from their storage."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
from comparisons import ONE, TWO, InOrder, Interrupting, in_order, many_rows, quietly
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage

from bonas.benchmarks.comparison import load_comparison
from bonas.errors import (
    InvalidArgument,
    StudyMismatch,
)
from bonas.spaces import Space


def test_a_larger_budget_goes_on_and_a_smaller_one_looks_at_the_beginning(tmp_path: Path) -> None:
    storage = tmp_path / "a.log"
    quietly(["random"], [many_rows()], 5, 2, storage=storage)
    more = quietly(["random"], [many_rows()], 9, 3, storage=storage)
    assert [len(run) for run in more.runs.values()] == [9, 9, 9]
    less = quietly(["random"], [many_rows()], 4, 2, storage=storage)
    assert [len(run) for run in less.runs.values()] == [4, 4]
    assert less.budget == 4
    everything = load_comparison(storage)
    assert (everything.budget, len(everything.runs)) == (9, 3)


def test_a_report_reads_what_was_not_finished(tmp_path: Path) -> None:
    def interrupted(space: Space, seed: int) -> BaseSampler:
        return Interrupting(InOrder(space, seed), 3)

    with pytest.raises(KeyboardInterrupt):
        quietly({"m": interrupted}, [ONE], 6, [0], storage=tmp_path / "a.log", checkpoints=[2])
    found = load_comparison(tmp_path / "a.log", checkpoints=[2, 4])
    assert found.budget == 6
    assert found.array("regret", 2).item() == 30.0
    assert math.isnan(found.array("regret", 4).item())
    assert math.isnan(found.array("queries").item())
    assert found.versions[0].startswith("bonas ")


def test_a_storage_without_runs_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    optuna.create_study(storage=url, study_name="mine")
    with pytest.raises(StudyMismatch, match=r"holds no run of .*its studies are \['mine'\]"):
        load_comparison(url)
    with pytest.raises(InvalidArgument, match="budget must be"):
        load_comparison(url, budget=0)


def test_other_studies_of_the_storage_are_left_aside() -> None:
    storage = InMemoryStorage()
    in_order(ONE, 2, seeds=[3, 1], storage=storage)
    optuna.create_study(storage=storage, study_name="mine")
    found = load_comparison(storage)
    assert (list(found.problems), list(found.methods)) == (["one"], ["in order"])
    assert list(found.seeds) == [1, 3]


def test_what_was_stored_is_judged_by_the_stored_answer() -> None:
    storage = InMemoryStorage()
    in_order(TWO, 2, storage=storage)
    reference = load_comparison(storage).problems["two"]
    assert reference.exact
    assert (reference.best.tolist(), reference.worst.tolist()) == ([90.0, 1.0], [50.0, 9.0])
    assert reference.hypervolume == pytest.approx(7 / 16)


def test_units_are_stored_with_the_values() -> None:
    storage = InMemoryStorage()
    in_order(TWO, 2, storage=storage)
    goals = load_comparison(storage).problems["two"].objectives
    assert [(goal.name, goal.direction, goal.unit) for goal in goals] == [
        ("accuracy", "maximize", "%"),
        ("latency", "minimize", "ms"),
    ]
