"""All trials as JSON, as small as they go: what the script of the page reads.

=============  ===================================================================================
key            value
=============  ===================================================================================
objectives     ``[name, unit]`` of each
parameters     ``[name, options]`` of each; options are null where values stand in the rows
outcomes       names of outcomes
trials         a row per trial: number, outcome, flags, seconds, the values, the standard deviations
               if ``sds`` is true, then the parameters: an index of an option, or a value
sds            whether rows have standard deviations
hidden         how many parameters are left out
=============  ===================================================================================

Flags are 1 for a trial on the front, 2 for an infeasible one. What is missing is null.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from bonas.report.differences import choice_text
from bonas.report.markup import shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import OUTCOMES, SearchedTrial

FRONT: Final = 1
INFEASIBLE: Final = 2

_PARAMETERS = 40  # that are shown
_OPTIONS = 64  # of a parameter, above which values stand in the rows
_LONGEST = 60  # characters of a name


def trial_data(searched: Searched) -> str:
    """Return the trials as JSON that can stand in a ``script`` element."""
    names = searched.parameters[:_PARAMETERS]
    options = {name: _options(searched, name) for name in names}
    front = {trial.number for trial in searched.front}
    has_sds = any(trial.sds for trial in searched.trials)
    data = {
        "objectives": [[shortened(o.name, _LONGEST), o.unit] for o in searched.objectives],
        "parameters": [
            [shortened(name, _LONGEST), None if own is None else list(own)]
            for name, own in options.items()
        ],
        "outcomes": [outcome.replace("_", " ") for outcome in OUTCOMES],
        "sds": has_sds,
        "hidden": len(searched.parameters) - len(names),
        "trials": [
            _row(trial, searched, options, in_front=trial.number in front, has_sds=has_sds)
            for trial in searched.trials
        ],
    }
    return json_in_script(data)


def json_in_script(data: object) -> str:
    r"""Return JSON that cannot end the ``script`` element it stands in.

    >>> json_in_script("</script><!--")
    '"\\u003c/script\\u003e\\u003c!--"'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row(
    trial: SearchedTrial,
    searched: Searched,
    options: dict[str, dict[str, int] | None],
    *,
    in_front: bool,
    has_sds: bool,
) -> list[Any]:
    flags = FRONT * in_front + INFEASIBLE * (not trial.is_feasible)
    row: list[Any] = [trial.number, OUTCOMES.index(trial.outcome), flags, rounded(trial.seconds, 4)]
    row += [rounded(trial.values.get(o.name)) for o in searched.objectives]
    if has_sds:
        row += [rounded(trial.sds.get(o.name), 3) for o in searched.objectives]
    for name, own in options.items():
        if name not in trial.choices:
            row.append(None)
        else:
            value = trial.choices[name]
            row.append(_value(value) if own is None else own[choice_text(value)])
    return row


def _options(searched: Searched, name: str) -> dict[str, int] | None:
    """Return the values of a parameter, each with its index; None if there are too many."""
    found: dict[str, int] = {}
    for trial in searched.trials:
        if name in trial.choices:
            found.setdefault(choice_text(trial.choices[name]), len(found))
            if len(found) > _OPTIONS:
                return None
    return found


def _value(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return rounded(float(value), 4)
    return choice_text(value)


def rounded(value: float | None, digits: int = 6) -> float | int | None:
    """Return a value with so many significant digits; None for none, and if it is not finite.

    >>> rounded(1.23456789), rounded(3.0), rounded(float("nan"))
    (1.23457, 3, None)
    """
    if value is None or not math.isfinite(value):
        return None
    found = float(f"{value:.{digits}g}")
    return int(found) if found.is_integer() and abs(found) < 1e15 else found
