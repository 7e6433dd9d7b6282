"""A line of a journal is an operation that Optuna can replay, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from bonas.studies.storages.journal_line import OpCode, parse_operation

TIME = "2026-01-02T03:04:05.678901"
CHOICE = distribution_to_json(CategoricalDistribution(["a", "b"]))
VALID: dict[OpCode, dict[str, Any]] = {
    OpCode.CREATE_STUDY: {"study_name": "s", "directions": [1, 2]},
    OpCode.DELETE_STUDY: {"study_id": 0},
    OpCode.SET_STUDY_USER_ATTR: {"study_id": 0, "user_attr": {"a": 1}},
    OpCode.SET_STUDY_SYSTEM_ATTR: {"study_id": 0, "system_attr": {"a": None}},
    OpCode.CREATE_TRIAL: {"study_id": 0, "datetime_start": TIME},
    OpCode.SET_TRIAL_PARAM: {
        "trial_id": 0,
        "param_name": "x",
        "param_value_internal": 1,
        "distribution": CHOICE,
    },
    OpCode.SET_TRIAL_STATE_VALUES: {
        "trial_id": 0,
        "state": TrialState.COMPLETE.value,
        "values": [1.0],
        "datetime_complete": TIME,
    },
    OpCode.SET_TRIAL_INTERMEDIATE_VALUE: {"trial_id": 0, "step": 3, "intermediate_value": None},
    OpCode.SET_TRIAL_USER_ATTR: {"trial_id": 0, "user_attr": {"a": 1}},
    OpCode.SET_TRIAL_SYSTEM_ATTR: {"trial_id": 0, "system_attr": {"a": 1}},
    OpCode.DISCARD_TRIALS: {},
}


def _line(code: int, fields: dict[str, Any]) -> bytes:
    return json.dumps({"op_code": int(code), "worker_id": "w", **fields}).encode()


@pytest.mark.parametrize("code", OpCode)
def test_an_operation_of_each_code_is_parsed(code: OpCode) -> None:
    found = parse_operation(_line(code, VALID[code]))
    assert found == {"op_code": code, "worker_id": "w", **VALID[code]}


@pytest.mark.parametrize(("code", "name"), [(c, name) for c in OpCode for name in VALID[c]])
def test_a_missing_field_and_one_of_another_type_are_refused(code: OpCode, name: str) -> None:
    others = {key: value for key, value in VALID[code].items() if key != name}
    another: object = 3 if isinstance(VALID[code][name], str) else "text"
    for fields in (others, {**others, name: another}):
        with pytest.raises(ValueError, match=rf"{name}|must be str"):
            parse_operation(_line(code, fields))


@pytest.mark.parametrize(
    ("code", "change", "message"),
    [
        (OpCode.CREATE_STUDY, {"directions": [7]}, "StudyDirection"),
        (OpCode.SET_STUDY_USER_ATTR, {"user_attr": {}}, "one attribute"),
        (OpCode.SET_TRIAL_SYSTEM_ATTR, {"system_attr": {"a": 1, "b": 2}}, "one attribute"),
        (OpCode.CREATE_TRIAL, {"state": 9}, "TrialState"),
        (OpCode.CREATE_TRIAL, {"datetime_complete": "yesterday"}, "yesterday"),
        (OpCode.CREATE_TRIAL, {"distributions": {"x": "{}"}}, "type"),
        (OpCode.CREATE_TRIAL, {"params": {"x": 1}}, "one distribution for each"),
        (OpCode.CREATE_TRIAL, {"distributions": {"x": CHOICE}}, "one distribution for each"),
        (OpCode.SET_TRIAL_PARAM, {"param_value_internal": float("inf")}, "infinity"),
        (OpCode.CREATE_TRIAL, {"intermediate_values": {"first": 1.0}}, "first"),
        (OpCode.SET_TRIAL_PARAM, {"param_value_internal": 7}, "out of range"),
        (OpCode.SET_TRIAL_STATE_VALUES, {"state": 9}, "TrialState"),
        (OpCode.SET_TRIAL_STATE_VALUES, {"datetime_complete": "yesterday"}, "yesterday"),
    ],
)
def test_a_value_that_optuna_cannot_replay_is_refused(
    code: OpCode, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parse_operation(_line(code, VALID[code] | change))


@pytest.mark.parametrize("code", [-1, 11, 2.5, "4", None, True])
def test_an_unknown_code_is_refused(code: object) -> None:
    line = json.dumps({"op_code": code, "worker_id": "w"}).encode()
    with pytest.raises(ValueError, match=r"op_code|study_id"):
        parse_operation(line)


def test_the_codes_are_those_that_optuna_writes(tmp_path: Path) -> None:
    """If Optuna numbers its operations anew some day, this fails."""
    path = tmp_path / "a.log"
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(storage=storage, study_name="s")
    study.set_user_attr("a", 1)
    storage.set_study_system_attr(0, "a", 1)
    trial = study.ask()
    trial.suggest_categorical("x", ["a", "b"])
    trial.report(1.0, 0)
    trial.set_user_attr("a", 1)
    storage.set_trial_system_attr(trial.number, "a", 1)
    study.tell(trial, 1.0)
    storage.delete_study(0)
    found = [OpCode(parse_operation(line)["op_code"]) for line in path.read_bytes().splitlines()]
    assert found == [
        OpCode.CREATE_STUDY,
        OpCode.SET_STUDY_USER_ATTR,
        OpCode.SET_STUDY_SYSTEM_ATTR,
        OpCode.CREATE_TRIAL,
        OpCode.SET_TRIAL_PARAM,
        OpCode.SET_TRIAL_INTERMEDIATE_VALUE,
        OpCode.SET_TRIAL_USER_ATTR,
        OpCode.SET_TRIAL_SYSTEM_ATTR,
        OpCode.SET_TRIAL_STATE_VALUES,
        OpCode.DELETE_STUDY,
    ]
