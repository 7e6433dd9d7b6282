"""The lines of a journal: one operation each, as JSON.

====  =============================  ==================================================
code  operation                      fields, besides ``worker_id``
====  =============================  ==================================================
0     a study is created             ``study_name``, ``directions``
1     a study is deleted             ``study_id``
2, 3  an attribute of a study        ``study_id``, ``user_attr`` or ``system_attr``
4     a trial is created             ``study_id``, ``datetime_start``, perhaps all of it
5     a parameter is drawn           ``trial_id``, ``param_name``, its value, ``distribution``
6     a trial's state changes        ``trial_id``, ``state``, ``values``, a time
7     an intermediate value          ``trial_id``, ``step``, ``intermediate_value``
8, 9  an attribute of a trial        ``trial_id``, ``user_attr`` or ``system_attr``
10    trials are discarded           (written by another implementation only)
====  =============================  ==================================================

Studies and trials have no ids of their own: the n-th that is created has the id n.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import TrialState


class OpCode(IntEnum):
    """The code of an operation, as Optuna writes it."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    SET_STUDY_USER_ATTR = 2
    SET_STUDY_SYSTEM_ATTR = 3
    CREATE_TRIAL = 4
    SET_TRIAL_PARAM = 5
    SET_TRIAL_STATE_VALUES = 6
    SET_TRIAL_INTERMEDIATE_VALUE = 7
    SET_TRIAL_USER_ATTR = 8
    SET_TRIAL_SYSTEM_ATTR = 9
    DISCARD_TRIALS = 10


_NUMBER = (int, float)
_FIELDS: dict[int, dict[str, type | tuple[type, ...]]] = {
    OpCode.CREATE_STUDY: {"study_name": str, "directions": list},
    OpCode.DELETE_STUDY: {"study_id": int},
    OpCode.SET_STUDY_USER_ATTR: {"study_id": int, "user_attr": dict},
    OpCode.SET_STUDY_SYSTEM_ATTR: {"study_id": int, "system_attr": dict},
    OpCode.CREATE_TRIAL: {"study_id": int, "datetime_start": (str, type(None))},
    OpCode.SET_TRIAL_PARAM: {
        "trial_id": int,
        "param_name": str,
        "param_value_internal": _NUMBER,
        "distribution": str,
    },
    OpCode.SET_TRIAL_STATE_VALUES: {"trial_id": int, "state": int, "values": (list, type(None))},
    OpCode.SET_TRIAL_INTERMEDIATE_VALUE: {
        "trial_id": int,
        "step": int,
        "intermediate_value": (*_NUMBER, type(None)),
    },
    OpCode.SET_TRIAL_USER_ATTR: {"trial_id": int, "user_attr": dict},
    OpCode.SET_TRIAL_SYSTEM_ATTR: {"trial_id": int, "system_attr": dict},
    OpCode.DISCARD_TRIALS: {},
}
_REPLAY_ERRORS = (LookupError, TypeError, AttributeError, OverflowError)
_TIMES = {TrialState.RUNNING: "datetime_start"} | {
    state: "datetime_complete" for state in TrialState if state.is_finished()
}


def parse_operation(line: bytes) -> dict[str, Any]:
    """Return the operation of a line.

    Raises:
        ValueError: if it cannot be parsed, or lacks a field that Optuna needs to replay it.
    """
    try:
        found = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    code = found.get("op_code")
    fields = _FIELDS.get(code) if isinstance(code, int) else None
    if fields is None:
        raise ValueError(f"unknown op_code {code!r}")
    for name, kind in ({"worker_id": str} | fields).items():
        if not isinstance(found.get(name, ...), kind):
            raise ValueError(f"expected another {name} than {found.get(name)!r}")
    try:
        _check_values(found)
    except _REPLAY_ERRORS as error:
        raise ValueError(f"{error!r}") from error
    return found


def _check_values(found: dict[str, Any]) -> None:
    """Raise a ``ValueError``, or one of ``_REPLAY_ERRORS``, if Optuna cannot use a value."""
    match found["op_code"]:
        case OpCode.CREATE_STUDY:
            for direction in found["directions"]:
                StudyDirection(direction)
        case OpCode.SET_STUDY_USER_ATTR | OpCode.SET_TRIAL_USER_ATTR:
            _check_attribute(found["user_attr"])
        case OpCode.SET_STUDY_SYSTEM_ATTR | OpCode.SET_TRIAL_SYSTEM_ATTR:
            _check_attribute(found["system_attr"])
        case OpCode.CREATE_TRIAL:
            _check_trial(found)
        case OpCode.SET_TRIAL_PARAM:
            _distribution(found["distribution"]).to_external_repr(found["param_value_internal"])
        case OpCode.SET_TRIAL_STATE_VALUES:
            time = _TIMES.get(TrialState(found["state"]))
            if time is not None:
                datetime.fromisoformat(found[time])


def _check_attribute(found: dict[str, Any]) -> None:
    if len(found) != 1:
        raise ValueError("expected one attribute")


def _check_trial(found: dict[str, Any]) -> None:
    TrialState(found.get("state", TrialState.RUNNING.value))
    for time in (found["datetime_start"], found.get("datetime_complete")):
        if time is not None:
            datetime.fromisoformat(time)
    distributions = {k: _distribution(v) for k, v in found.get("distributions", {}).items()}
    params = found.get("params", {})
    if distributions.keys() != params.keys():
        raise ValueError("expected one distribution for each of the params")
    for name, value in params.items():
        distributions[name].to_external_repr(value)
    for step in found.get("intermediate_values", {}):
        int(step)


@lru_cache(maxsize=1024)
def _distribution(text: str) -> Any:
    return json_to_distribution(text)
