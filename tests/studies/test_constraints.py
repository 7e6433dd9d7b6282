"""Constraints of a study: the latest call's, over what was measured."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

import bonas
from bonas.errors import EvaluationFailed
from bonas.evaluation import Candidate
from bonas.evaluation.constraint import Constraint, as_constraints
from bonas.spaces import NASBench201
from bonas.studies.constraints import Feasibility, constraints_of, set_constraints
from bonas.studies.lineage.description import set_names
from bonas.studies.proposing.front import finished, front_of

SPACE = NASBench201()
GOALS = {"accuracy": "maximize", "latency": "minimize"}


def evaluate(candidate: Candidate) -> dict[str, float]:
    costs = SPACE.costs(candidate.choices)
    latency = costs["multiply_adds"] / 1e7
    return {
        "accuracy": math.log1p(costs["parameters"]),
        "latency": latency,
        "energy": 7 * latency,
    }


def search(constraints: Any, budget: int = 8, **more: Any) -> bonas.SearchResult:
    settings: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **more}
    return bonas.optimize(
        SPACE,
        budget,
        evaluate=evaluate,
        objectives=GOALS,
        constraints=constraints,
        **settings,
    )


def study_of(*values: tuple[float, float], **attrs: list[float]) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"])
    set_names(study, list(GOALS))
    for row, both in enumerate(values):
        own = {name: column[row] for name, column in attrs.items() if column[row] is not None}
        study.add_trial(create_trial(values=both, user_attrs=own))
    return study


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_the_front_holds_feasible_trials_alone() -> None:
    # trial 2 dominates nothing, but is best of those with latency <= 5
    study = study_of((90, 9), (80, 6), (70, 5), (60, 5))
    set_constraints(study, as_constraints({"latency": "<= 5"}))
    assert [trial.number for trial in front_of(study)] == [2]


def test_a_measurement_that_is_no_objective_is_constrained() -> None:
    study = study_of((90, 9), (80, 6), (70, 5), energy=[3, 1, 2])
    set_constraints(study, as_constraints({"energy": "<= 2"}))
    assert [trial.number for trial in front_of(study)] == [1, 2]


def test_a_trial_without_the_measurement_is_not_feasible() -> None:
    study = study_of((90, 9), (80, 6), energy=[None, 1])
    set_constraints(study, as_constraints({"energy": "<= 2"}))
    feasibility, (first, second) = Feasibility(study), finished(study)
    assert [trial.number for trial in front_of(study)] == [1]
    assert math.isnan(feasibility.violations(first)["energy"])
    assert feasibility.total(first) == math.inf
    assert feasibility.violations(second) == {}


def test_constraints_of_another_program_are_kept() -> None:
    study = study_of((80, 6))
    foreign = create_trial(values=(90, 5), system_attrs={"constraints": [0.5]})
    study.add_trial(foreign)
    set_constraints(study, as_constraints({"latency": "<= 9"}))
    assert [trial.number for trial in front_of(study)] == [0]


def test_the_least_violated_counts_relative_to_the_bounds() -> None:
    # latency 20 % above its bound, or parameters 10 % above theirs
    study = study_of((90, 6), (80, 5), parameters=[1e6, 1.1e6])
    set_constraints(study, as_constraints({"latency": "<= 5", "parameters": "<= 1e6"}))
    least = Feasibility(study).least_violated(finished(study))
    assert least is not None
    assert least.number == 1


def test_a_changed_bound_is_decided_by_what_was_measured(caplog: pytest.LogCaptureFixture) -> None:
    study = study_of((90, 9), (70, 5))
    set_constraints(study, as_constraints({"latency": "<= 1"}))
    with caplog.at_level(logging.WARNING):
        set_constraints(study, as_constraints({"latency": "<= 9"}))
    assert len(front_of(study)) == 2
    assert "changed from latency <= 1 to latency <= 9" in caplog.text


def test_a_study_without_constraints_stores_none() -> None:
    study = study_of((90, 9))
    set_constraints(study, ())
    assert study.user_attrs == {}


def test_what_another_program_wrote_for_constraints_is_left_out() -> None:
    study = study_of((90, 9))
    study.set_user_attr(
        "bonas:constraints", '{"latency": {"upper": "x"}, "accuracy": {"lower": 1}}'
    )
    assert constraints_of(study) == (Constraint("accuracy", lower=1),)


def violations_by_hand(result: bonas.SearchResult, bounds: Mapping[str, float]) -> set[int]:
    found = set()
    for candidate in result.candidates:
        values = evaluate(candidate)
        values["parameters"] = SPACE.costs(candidate.choices)["parameters"]
        if any(values[name] > bound for name, bound in bounds.items()):
            found.add(candidate.trial.number)
    return found


def test_a_search_ends_with_the_front_that_keeps_all_constraints() -> None:
    bounds = {"latency": 5.0, "energy": 40.0, "parameters": 5e5}
    result = search({name: f"<= {bound}" for name, bound in bounds.items()}, 12)
    violating = violations_by_hand(result, bounds)
    assert set(result.violations) == violating
    assert 0 < len(violating) < 12
    assert not violating & {candidate.trial.number for candidate in result.front}
    # Optuna sees the same
    assert {trial.number for trial in result.study.best_trials} == {
        candidate.trial.number for candidate in result.front
    }
    one = result.candidates[0]
    assert isinstance(one.trial, FrozenTrial)
    assert one.trial.constraints == {
        "latency": evaluate(one)["latency"] - 5,
        "energy": evaluate(one)["energy"] - 40,
        "parameters": SPACE.costs(one.choices)["parameters"] - 5e5,
    }


def test_without_a_feasible_network_the_least_violated_is_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        result = search({"latency": "<= 0.001"}, 5)
    smallest = min(result.candidates, key=lambda candidate: candidate.values["latency"])
    assert result.front == []
    assert result.best().trial.number == smallest.trial.number
    note = "no network keeps the constraints (latency <= 0.001); the least violated is trial "
    assert note in str(result)
    assert note in result.headline()
    assert note in caplog.text
    result.plot()


def test_a_resumed_search_may_have_another_bound_or_none(tmp_path: object) -> None:
    storage = f"{tmp_path}/study.log"
    assert search({"latency": "<= 0.001"}, 5, storage=storage).front == []
    assert search({"latency": "<= 1e9"}, 5, storage=storage).front
    result = search(None, 6, storage=storage)
    assert result.constraints == ()
    assert len(result.candidates) == 6


def test_a_name_that_nothing_measures_ends_the_search_and_lists_the_names() -> None:
    with pytest.raises(
        EvaluationFailed, match=r"'power'.*\['accuracy', 'energy', 'latency'\]"
    ) as e:
        search({"power": "<= 5"})
    (trial,) = e.value.study.trials  # after one evaluation, which is kept
    assert trial.state == TrialState.COMPLETE


def test_infeasible_candidates_are_hollow_in_the_plot() -> None:
    result = search({"latency": "<= 5"}, 8)
    (axis, *_) = result.plot().axes
    assert "violates a constraint" in [text.get_text() for text in axis.get_legend().get_texts()]
    (axis, *_) = search(None, 8).plot().axes
    assert "violates a constraint" not in [t.get_text() for t in axis.get_legend().get_texts()]
