"""Facts about the table of all trials as a ``pandas.DataFrame``."""

from __future__ import annotations

import sys

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from shown_results import RESULT

from bonas.dataframe import trials_frame
from bonas.errors import MissingPackage
from bonas.evaluation import Measurement, Objective
from bonas.evaluation.curve import packed

GOAL = Objective("accuracy", "maximize", "%")


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


def test_trials_of_another_program_are_in_the_table() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(create_trial(state=TrialState.PRUNED))
    study.add_trial(create_trial(state=TrialState.RUNNING))
    frame = trials_frame([GOAL, Objective("latency", "minimize", "ms")], study.trials)
    assert frame.state.tolist() == ["PRUNED", "RUNNING"]
    assert frame.latency.isna().all()


def test_what_was_measured_before_a_failure_is_in_the_column_of_its_objective() -> None:
    latency = Objective("latency", "minimize", "ms")
    trial = create_trial(
        state=TrialState.FAIL, system_attrs=packed([Measurement({"latency": 2.5})])
    )
    frame = trials_frame([GOAL, latency], [trial])
    assert frame.latency.tolist() == [2.5]
    assert frame.accuracy.isna().all()


def test_the_latest_report_of_a_pruned_trial_is_no_value() -> None:
    """Optuna makes it one with a single objective."""
    pytest.importorskip("pandas")
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    trial.report(40.0, step=1)
    study.tell(trial, state=TrialState.PRUNED)
    assert study.trials[0].value == 40.0
    frame = trials_frame([Objective("accuracy", "maximize")], study.trials)
    assert frame.accuracy.isna().tolist() == [True]
