"""Table of all trials of a study as a ``pandas.DataFrame``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from bonas.errors import MissingPackage
from bonas.evaluation import Objective, partial_values
from bonas.plots.front_table import parameter_names
from bonas.studies.records import ERROR, PROPOSED_BY
from bonas.texts import RESERVED

_PARAMETER, _MEASUREMENT = "params_", "user_attrs_"  # Optuna's prefixes, for names that collide


def trials_frame(objectives: Sequence[Objective], trials: Sequence[FrozenTrial]) -> Any:
    """Return a ``pandas.DataFrame`` with one row per trial.

    The columns are ``number``, ``state`` (Optuna's names), the objectives (also those measured
    before an evaluation failed or was pruned), the parameters, all other user attributes, and
    ``failure``, the last line of a failed evaluation's traceback; before it ``proposed_by``, the
    names of sources of candidates, if any trial came from one. A parameter or user attribute
    whose name collides with an earlier column is prefixed as in Optuna's ``trials_dataframe``:
    ``params_number``, ``user_attrs_accuracy``.

    Raises:
        MissingPackage: if pandas is not installed.
    """
    goals = [objective.name for objective in objectives]
    sources = ["proposed_by"] if any(map(PROPOSED_BY.read, trials)) else []
    own = {"number", "state", "failure", *sources, *goals}
    params = _columns(parameter_names(trials), own, _PARAMETER)
    taken = {*own, *params.values()}
    noted = dict.fromkeys(n for t in trials for n in t.user_attrs if not n.startswith(RESERVED))
    notes = _columns(list(noted), taken, _MEASUREMENT)
    rows = []
    for trial in trials:
        # Optuna takes the latest report of a pruned trial for its value.
        is_whole = trial.values is not None and trial.state == TrialState.COMPLETE
        values = trial.values if is_whole else partial_values(trial, goals)
        rows.append(
            {
                "number": trial.number,
                "state": trial.state.name,
                **dict(zip(goals, values, strict=False)),
                **_renamed(trial.params, params),
                **_renamed(trial.user_attrs, notes),
                **{name: PROPOSED_BY.read(trial) or None for name in sources},
                "failure": _last_line(ERROR.read(trial)),
            }
        )
    columns = ["number", "state", *goals, *params.values(), *notes.values(), *sources, "failure"]
    return imported_pandas().DataFrame(rows, columns=columns)


def _columns(names: Sequence[str], taken: set[str], prefix: str) -> dict[str, str]:
    """Return the column of each name."""
    return {name: f"{prefix}{name}" if name in taken else name for name in names}


def _renamed(values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    return {columns[name]: value for name, value in values.items() if name in columns}


def _last_line(text: str | None) -> str | None:
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else None


def imported_pandas() -> Any:
    """Return pandas.

    Raises:
        MissingPackage: if it is not installed.
    """
    try:
        return import_module("pandas")
    except ImportError as error:
        raise MissingPackage(
            "expected pandas to be installed for a table of all trials, got none; "
            'pip install pandas (or "bonas[pandas]")'
        ) from error
