"""What another program wrote in a study is skipped with one warning, and ends no search."""

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import OBJECTIVES, Widths, searched
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

import bonas
from bonas.result import SearchResult
from bonas.studies import SourceTask
from bonas.studies.attributes import json_object, whole
from bonas.studies.lineage.description import is_description, set_names
from bonas.studies.lineage.origin import Origin, description_of
from bonas.studies.lineage.successors import latest_successor
from bonas.studies.outcomes import evaluated, is_known
from bonas.studies.proposing.front import front_of
from bonas.studies.proposing.observations import Observations, choices_of
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.task import Task
from bonas.studies.records import (
    DESCRIPTION,
    ERROR,
    KNOWN,
    ORIGIN,
    PREDICTION,
    PROPOSAL,
    SUCCESSOR,
    names_of,
    values_of,
)
from bonas.studies.study import load_study

DEEP = "[" * 100_000 + "]" * 100_000
OPTIONS = {name: CategoricalDistribution(x) for name, x in Widths().parameters.items()}
DESCRIBED = json.dumps({"objectives": OBJECTIVES})
OF_STUDY = {
    DESCRIPTION.key: [
        "no JSON",
        "[]",
        5,
        DEEP,
        '{"objectives": 5}',
        '{"objectives": {"accuracy": []}}',
        '{"objectives": {"accuracy": "maximize"}, "parameters": {"width": 5}}',
        '{"objectives": {"accuracy": "maximize"}, "bonas:version": "x"}',
    ],
    ORIGIN.key: ["no JSON", "[]", '{"a": 1}', '{"root": "s", "study": 5, "trials": null}', DEEP],
    SUCCESSOR.key: [5, "no such study", ["s"]],
    "bonas:seed": [-1, "x", 1.5, True, None],
    "bonas:budget": ["x", True, [1]],
}
OF_TRIAL = {
    PROPOSAL.key: [DEEP, "[]", "no JSON", 5, {"width": 8}, '{"width": [8]}', '{"width": 7}'],
    PREDICTION.key: [DEEP, "5", '{"mean": [1.0]}', '{"mean": 5, "sd": [1], "weights": {}}'],
    "bonas:index": [-1, "x", 1e400],
    "bonas:worker": ["x", 5, {"host": None, "pid": None}],
    ERROR.key: [5, ["x"]],
    KNOWN.key: [5],
    "bonas:copied": [5, ["s#0"]],
    "accuracy_sd": ["x", -1.0, math.nan],
    "fixed_params": [5, {"width": [8]}],
}
CASES = [(n, x) for n, values in OF_STUDY.items() for x in values]
PARTS = [(n, x) for n, values in OF_TRIAL.items() for x in values]


def ids(value: object) -> str:
    return f"{value!r:.40}"


def study_of(storage: Any, name: str = "s") -> optuna.Study:
    return optuna.create_study(
        storage=storage, study_name=name, directions=list(OBJECTIVES.values())
    )


def row(width: int, values: Sequence[float], kind: str = "relu") -> FrozenTrial:
    params = {"width": width, "kind": kind}
    return create_trial(values=values, params=params, distributions=OPTIONS)


def finished_with(study: optuna.Study, values: Sequence[float] | None) -> None:
    """Add a finished trial with values that no sane program stores."""
    storage = study._storage
    number = storage.create_new_trial(study._study_id)
    storage.set_trial_state_values(number, TrialState.COMPLETE, values)


@pytest.mark.parametrize(("name", "value"), CASES, ids=ids)
def test_no_attribute_of_a_study_ends_a_search_with_an_error_of_python(
    name: str, value: object
) -> None:
    storage = InMemoryStorage()
    study_of(storage).set_user_attr(name, value)
    result = searched(Widths(), 3, storage)
    assert len(result.study.trials) == 3


@pytest.mark.parametrize(("name", "value"), PARTS, ids=ids)
def test_no_attribute_of_a_trial_does(name: str, value: object) -> None:
    storage = InMemoryStorage()
    study = study_of(storage)
    for state in (TrialState.COMPLETE, TrialState.FAIL):
        trial = study.ask()
        study._storage.set_trial_system_attr(trial._trial_id, name, value)
        trial.set_user_attr(name, value)
        values = [1.0, 2.0] if state == TrialState.COMPLETE else None
        study._storage.set_trial_state_values(trial._trial_id, state, values)
    result = searched(Widths(), 6, storage)
    mine = result.candidates
    assert 4 <= len(mine) <= 6  # the foreign ones are none of the space
    assert all(isinstance(text, str) for text in result.failures.values())
    assert len(result.predictions) == 0
    assert str(result)
    assert SourceTask.of_study("before", result.study, OBJECTIVES).values.shape[1] == 2


@pytest.mark.parametrize(
    "values", [None, [], [1.0], [1.0, 2.0, 3.0], [math.nan, 1.0], [math.inf, 1.0]], ids=str
)
def test_values_that_are_none_are_skipped_and_reported_once(
    values: list[float] | None, caplog: pytest.LogCaptureFixture
) -> None:
    storage = InMemoryStorage()
    study = study_of(storage)
    for _ in range(2):
        finished_with(study, values)
    with caplog.at_level(logging.WARNING, logger="bonas"):
        result = searched(Widths(), 8, storage)
    logged = [r.getMessage() for r in caplog.records if "a trial's values" in r.getMessage()]
    assert len(logged) == 1
    assert "trial 0, and perhaps others: 2 finite values were expected" in logged[0]
    assert len(result.candidates) == 6  # those two are counted: they are finished
    assert result.front
    assert result.headline()
    assert str(result)
    assert all(values_of(trial, 2) is None for trial in result.study.trials[:2])
    assert len(searched(Widths(), 3, InMemoryStorage(), warm_start=study).candidates) == 6 + 3


def test_trials_that_are_no_architecture_are_no_candidates(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = InMemoryStorage()
    study = study_of(storage)
    rate = {"rate": FloatDistribution(0.0, 1.0)}
    study.add_trial(create_trial(values=[99, 0], params={"rate": 0.5}, distributions=rate))
    other = {**OPTIONS, "width": CategoricalDistribution((7, 9))}
    params = {"width": 7, "kind": "relu"}
    study.add_trial(create_trial(values=[98, 0], params=params, distributions=other))
    with caplog.at_level(logging.WARNING, logger="bonas"):
        for _ in range(2):
            task = Task.of(study, Widths(), Parameters({}))
            assert not Observations.of(study, task).points
    assert len([r for r in caplog.records if "no architecture" in r.getMessage()]) == 1
    result = SearchResult(study, Widths(), bonas.evaluation.as_objectives(OBJECTIVES))
    assert not result
    assert result.candidates == result.front == []
    study.add_trial(row(8, [1, 2]))
    assert [candidate.choices["width"] for candidate in result.front] == [8]


def test_a_line_of_successors_that_leads_back_ends(caplog: pytest.LogCaptureFixture) -> None:
    storage = InMemoryStorage()
    one, two, three = (study_of(storage, name) for name in ("s", "s.v2", "s.v3"))
    for study, after in ((one, two), (two, three), (three, one)):
        study.set_user_attr(DESCRIPTION.key, DESCRIBED)
        study.set_user_attr(SUCCESSOR.key, after.study_name)
    with caplog.at_level(logging.WARNING, logger="bonas"):
        assert latest_successor(one).study_name == "s.v3"
        assert load_study(storage, "s")[0].study_name == "s.v3"
    assert len([r for r in caplog.records if "'s' is an earlier study" in r.getMessage()]) == 1
    three.set_user_attr(SUCCESSOR.key, "s.v3")
    assert latest_successor(two).study_name == "s.v3"


@pytest.mark.parametrize("trials_", [None, 3])
def test_a_study_is_not_made_out_of_itself(trials_: int | None) -> None:
    storage = InMemoryStorage()
    description = json.loads(DESCRIBED)
    first = searched(Widths(), 3, storage).study
    origin = {"root": "s", "study": "s", "trials": trials_, "description": description}
    first.set_user_attr(ORIGIN.key, json.dumps(origin))
    assert Origin.of(first) is None
    assert len(searched(Widths(), 5, storage).study.trials) == 5


def test_two_studies_made_out_of_each_other_are_joined() -> None:
    storage = InMemoryStorage()
    one = searched(Widths(), 3, storage).study
    two = searched(Widths(), 3, storage, study_name="t").study
    for study, other in ((one, two), (two, one)):
        origin = {"root": "s", "study": other.study_name, "trials": 3}
        origin["description"] = DESCRIPTION.read(study)
        study.set_user_attr(ORIGIN.key, json.dumps(origin))
    assert evaluated(searched(Widths(), 8, storage).study) == 8


def test_a_trial_that_no_successor_can_have_stays_behind() -> None:
    storage = InMemoryStorage()
    study = searched(Widths((8, 16)), 3, storage).study
    finished_with(study, [math.nan, 1.0])
    finished_with(study, [1.0])
    after = searched(Widths(), 4, storage).study
    assert after.study_name == "s.v2"
    assert evaluated(after) == 4


def test_a_name_is_taken_by_a_study_with_an_origin_that_cannot_be_read() -> None:
    storage = InMemoryStorage()
    searched(Widths(), 3, storage)
    study_of(storage, "s-2").set_user_attr(ORIGIN.key, "no JSON")
    fork = searched(Widths((8, 16)), 3, storage, on_mismatch="fork").study
    assert fork.study_name == "s-3"


@pytest.mark.parametrize("names", [5, "ab", ["a"], ["a", "a"], ["a", 5], {"a": 1}], ids=str)
def test_names_that_are_none_are_ignored(names: object) -> None:
    study = study_of(InMemoryStorage())
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", names)
    assert names_of(study) == []
    set_names(study, ["a", "b"])
    assert names_of(study) == ["a", "b"]


def test_what_can_be_read_is_read() -> None:
    assert json_object('{"a": [1]}') == {"a": [1]}
    assert [whole(x) for x in (0, 7, True, -1, 1.0, "1")] == [0, 7] + 4 * [None]
    assert is_description(json.loads(DESCRIBED))
    study = study_of(InMemoryStorage())
    study.set_user_attr(DESCRIPTION.key, DESCRIBED)
    assert description_of(study) == json.loads(DESCRIBED)
    trial = row(8, [1, 2])
    assert values_of(trial, 2) == [1, 2]
    assert choices_of(trial, Widths()) == {"width": 8, "kind": "relu"}
    assert (ERROR.read(trial), is_known(trial)) == (None, False)
    trial.set_user_attr(ERROR.key, "Traceback")
    trial.set_user_attr(KNOWN.key, "mark")
    assert (ERROR.read(trial), is_known(trial)) == ("Traceback", True)


def test_the_front_is_that_of_optuna() -> None:
    study = study_of(InMemoryStorage())
    measured = [(1, 5), (2, 5), (3, 6), (3, 6), (0, 1), (2, 9), (4, 6), (4, 6), (5, 90), (0, 1)]
    for values in measured:
        study.add_trial(row(8, values))
    assert [t.number for t in front_of(study)] == sorted(t.number for t in study.best_trials)
    alone = optuna.create_study(direction="minimize")
    for value in (3.0, 1.0, 2.0, 1.0):
        alone.add_trial(create_trial(value=value))
    assert [t.number for t in front_of(alone)] == [1, 3]
    assert front_of(optuna.create_study()) == []


def test_a_search_on_a_database_does_as_well(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/a.db"
    study = study_of(storage)
    finished_with(study, [math.inf, 1.0])
    study.set_user_attr("bonas:seed", -1)
    assert len(searched(Widths(), 4, storage).candidates) == 3
