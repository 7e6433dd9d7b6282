"""Studies as any program may have written them, for tests of what reads a study."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation import Objective
from bonas.studies.lineage.description import make_description, set_names, store_description

HOSTILE = "</script><script>document.title='run'</script><img src=x onerror=alert(1)>\"'&]]>-->"
"""What no page may run."""


def stored(
    *trials: FrozenTrial,
    directions: tuple[str, ...] = ("maximize", "minimize"),
    names: list[str] | None = None,
) -> optuna.Study:
    study = optuna.create_study(directions=list(directions), study_name=None)
    if names is not None:
        set_names(study, names)
    study.add_trials(trials)
    return study


def trial(*values: float, **more: object) -> FrozenTrial:
    return create_trial(values=list(values), **more)  # type: ignore[arg-type]  # its own arguments


def _choice(name: str, value: str) -> dict[str, object]:
    other = f"not {value}"
    return {
        "params": {name: value},
        "distributions": {name: CategoricalDistribution([value, other])},
    }


def empty() -> optuna.Study:
    return stored()


def running() -> optuna.Study:
    begun = create_trial(state=TrialState.RUNNING)
    begun.datetime_start = datetime.now() - timedelta(seconds=5)
    study = stored(begun)
    study.enqueue_trial({"x": 1})
    return study


def failed_throughout() -> optuna.Study:
    text = f"Traceback (most recent call last):\n  ...\nValueError: {HOSTILE}"
    return stored(
        *(create_trial(state=TrialState.FAIL, user_attrs={"bonas:error": text}) for _ in range(3)),
        create_trial(state=TrialState.FAIL),
    )


def one_objective() -> optuna.Study:
    return stored(trial(1.0), trial(3.0), trial(2.0), directions=("maximize",))


def five_objectives() -> optuna.Study:
    rows = [[float((i * (j + 2)) % 7) for j in range(5)] for i in range(12)]
    return stored(*(trial(*row) for row in rows), directions=("minimize", *["maximize"] * 4))


def hostile() -> optuna.Study:
    """Return a study whose every text tries to run."""
    study = stored(
        trial(1.0, 2.0, **_choice(HOSTILE, HOSTILE)),
        trial(2.0, 3.0, **_choice(HOSTILE, f"not {HOSTILE}")),
        create_trial(
            state=TrialState.FAIL,
            user_attrs={"bonas:error": HOSTILE, "bonas:failure": {"phase": HOSTILE}},
        ),
        names=[HOSTILE, f"{HOSTILE} 2"],
    )
    study.set_user_attr("bonas:seed", HOSTILE)
    study.set_user_attr("bonas:budget", {"seconds": HOSTILE})
    study.set_user_attr("bonas:description", HOSTILE)
    return study


def hostile_units() -> optuna.Study:
    """Return a study whose units try to run."""
    goals = [Objective("accuracy", "maximize", HOSTILE), Objective("energy", "minimize", HOSTILE)]
    study = stored(trial(1.0, 2.0), trial(2.0, 3.0), trial(1.5, 1.0))
    store_description(study, make_description({"space": "MySpace"}, goals))
    return study


def not_finite() -> optuna.Study:
    return stored(
        trial(math.inf, 1.0), trial(1e308, -1e308), trial(1.0, 2.0), trial(-math.inf, 0.0)
    )


STUDIES: dict[str, Callable[[], optuna.Study]] = {
    make.__name__: make
    for make in (
        empty,
        running,
        failed_throughout,
        one_objective,
        five_objectives,
        hostile,
        hostile_units,
        not_finite,
    )
}
"""A name -> what makes the study."""
