"""What a search found, as a table to print and as a table of pandas."""

from __future__ import annotations

import sys
from typing import Any

import optuna
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from torch import nn

import bonas
from bonas.dataframe import trials_frame
from bonas.errors import MissingPackage
from bonas.evaluation import Candidate, Objective
from bonas.plots.front_table import front_table, parameter_names

GOAL = Objective("accuracy", "maximize", "%")


@bonas.space(input=torch.zeros(1, 8))
def family(choose: Any) -> nn.Module:
    layers: list[nn.Module] = []
    before = 8
    for i in range(choose("depth", [1, 2, 3])):
        width = choose(f"units_{i}", [16, 32])
        layers += [nn.Linear(before, width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 2))


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Shallow is better in one way, deep in the other."""
    if candidate.number == 3:
        raise RuntimeError("a line\nand the last")
    depth = float(candidate.choices["depth"])  # type: ignore[arg-type]  # a number
    return {"speed": -depth, "accuracy": depth, "epochs": 3.0}


def searched(n: int) -> bonas.SearchResult:
    return bonas.optimize(
        family,
        n,
        evaluate=evaluate,
        objectives={"speed": "maximize", "accuracy": "maximize"},
        surrogate="random",
        progress=False,
        seed=0,
    )


RESULT = searched(12)


def test_every_parameter_of_every_network_of_the_front_has_a_column() -> None:
    header, _, *rows = str(RESULT).splitlines()
    assert {c.choices["depth"] for c in RESULT.front} == {1, 2, 3}
    assert header.split()[-4:] == ["depth", "units_0", "units_1", "units_2"]
    for candidate, row in zip(RESULT.front, rows, strict=False):
        assert row.split()[3:] == [str(value) for value in candidate.choices.values()]


def test_a_table_of_pandas_has_all_trials_with_all_that_is_known() -> None:
    frame = RESULT.dataframe()
    assert list(frame.columns) == [
        *("number", "state", "speed", "accuracy"),
        *("depth", "units_0", "units_1", "units_2"),
        *("epochs", "failure"),
    ]
    assert len(frame) == len(RESULT.study.trials) == 12
    failed = frame[frame.state == "FAIL"]
    assert failed.number.tolist() == [3]
    assert failed.failure.tolist() == ["and the last"]
    assert failed.accuracy.isna().all()
    done = frame[frame.state == "COMPLETE"]
    assert done.accuracy.tolist() == [c.values["accuracy"] for c in RESULT.candidates]
    assert done.epochs.eq(3.0).all()
    assert done.failure.isna().all()
    assert frame[frame.depth == 1].units_1.isna().all()


def test_names_that_are_taken_are_prefixed_as_in_optuna() -> None:
    options = CategoricalDistribution((1, 2))
    trial = create_trial(
        value=90.0,
        params={"number": 1, "accuracy": 2, "width": 1},
        distributions=dict.fromkeys(("number", "accuracy", "width"), options),
        user_attrs={"width": 4, "state": "x", "bonas:index": 0},
    )
    (row,) = trials_frame([GOAL], [trial]).to_dict("records")
    assert row == {
        **{"number": trial.number, "state": "COMPLETE", "accuracy": 90.0},
        **{"params_number": 1, "params_accuracy": 2, "width": 1},
        **{"user_attrs_width": 4, "user_attrs_state": "x", "failure": None},
    }


def test_without_trials_the_table_of_pandas_is_empty() -> None:
    frame = trials_frame([GOAL], [])
    assert list(frame.columns) == ["number", "state", "accuracy", "failure"]
    assert frame.empty


def test_a_missing_pandas_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackage, match=r"expected pandas to be installed .* pip install pan"):
        RESULT.dataframe()


def trial_of(names: list[str], value: Any = 1) -> FrozenTrial:
    options = CategoricalDistribution((value, "other"))
    return create_trial(
        state=TrialState.COMPLETE,
        value=1.0,
        params=dict.fromkeys(names, value),
        distributions=dict.fromkeys(names, options),
    )


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True).map(sorted), min_size=1))
def test_parameters_keep_their_order_where_all_trials_agree(asked: list[list[str]]) -> None:
    names = parameter_names([trial_of(own) for own in asked])
    assert sorted(names) == sorted({name for own in asked for name in own})
    for own in asked[:1]:
        assert [name for name in names if name in own] == own


def test_long_values_are_cut_and_numbers_rounded() -> None:
    trials = [trial_of(["sizes"], str(list(range(50)))), trial_of(["rate"], 0.12345678)]
    header, _, one, other = front_table([GOAL], trials).splitlines()
    assert set(header.split()[-2:]) == {"sizes", "rate"}
    assert one.endswith("...")
    assert len(one) < 70
    assert other.endswith("0.1235")


def test_trials_of_another_program_are_in_the_table() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(create_trial(state=TrialState.PRUNED))
    study.add_trial(create_trial(state=TrialState.RUNNING))
    frame = trials_frame([GOAL, Objective("latency", "minimize", "ms")], study.trials)
    assert frame.state.tolist() == ["PRUNED", "RUNNING"]
    assert frame.latency.isna().all()
