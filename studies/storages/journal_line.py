"""A line of a journal: one thing that happened, as JSON.

=====  =========================  ======================================================
code   what happened              fields, besides ``worker_id``
=====  =========================  ======================================================
0      a study was made           ``study_name``, ``directions``
1      it was deleted             ``study_id``
2, 3   its attribute was set      ``study_id``, ``user_attr`` or ``system_attr``
4      a trial was made           ``study_id``, ``datetime_start``, perhaps all of it
5      its parameter was drawn    ``trial_id``, ``param_name``, its value, ``distribution``
6      its state changed          ``trial_id``, ``state``, ``values``, a time
7      it reported a step         ``trial_id``, ``step``, ``intermediate_value``
8, 9   its attribute was set      ``trial_id``, ``user_attr`` or ``system_attr``
10     trials were discarded      (another implementation's)
=====  =========================  ======================================================

Studies and trials have no ids of their own: the n-th that was made has the id n.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

NUMBER = (int, float)
_FIELDS: dict[int, dict[str, type | tuple[type, ...]]] = {
    0: {"study_name": str, "directions": list},
    1: {"study_id": int},
    2: {"study_id": int, "user_attr": dict},
    3: {"study_id": int, "system_attr": dict},
    4: {"study_id": int, "datetime_start": (str, type(None))},
    5: {"trial_id": int, "param_name": str, "param_value_internal": NUMBER, "distribution": str},
    6: {"trial_id": int, "state": int, "values": (list, type(None))},
    7: {"trial_id": int, "step": int, "intermediate_value": (*NUMBER, type(None))},
    8: {"trial_id": int, "user_attr": dict},
    9: {"trial_id": int, "system_attr": dict},
    10: {},
}
_TIMES = {TrialState.RUNNING: "datetime_start"} | {
    state: "datetime_complete" for state in TrialState if state.is_finished()
}


def operation(line: bytes) -> dict[str, Any]:
    """What a line says happened.

    Raises:
        ValueError: if it cannot be read, or lacks what Optuna needs to do it again.
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
        _check(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{error!r}") from error
    return found


def _check(found: dict[str, Any]) -> None:
    """The values of the fields; raises ValueError, KeyError, TypeError or AttributeError."""
    match found["op_code"]:
        case 0:
            for direction in found["directions"]:
                StudyDirection(direction)
        case 2 | 3 | 8 | 9:
            if len(found["user_attr" if "user_attr" in found else "system_attr"]) != 1:
                raise ValueError("expected one attribute")
        case 4:
            _check_trial(found)
        case 5:
            _distribution(found["distribution"]).to_external_repr(found["param_value_internal"])
        case 6:
            time = _TIMES.get(TrialState(found["state"]))
            if time is not None:
                datetime.fromisoformat(found[time])


def _check_trial(found: dict[str, Any]) -> None:
    TrialState(found.get("state", TrialState.RUNNING.value))
    for time in (found["datetime_start"], found.get("datetime_complete")):
        if time is not None:
            datetime.fromisoformat(time)
    distributions = {k: _distribution(v) for k, v in found.get("distributions", {}).items()}
    for name, value in found.get("params", {}).items():
        distributions[name].to_external_repr(value)
    for step in found.get("intermediate_values", {}):
        int(step)


@lru_cache(maxsize=1024)
def _distribution(text: str) -> Any:
    return json_to_distribution(text)
