"""The fingerprint of a study: equal as long as nothing changes that a person could see."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial

from bonas.optuna_internals import study_system_attrs
from bonas.studies.records import RENEWED

_OF_DASHBOARDS = "dashboard:"  # before the keys of what people noted in Optuna's dashboard


def fingerprint(study: Study) -> str:
    """Return the fingerprint of a study, without making a report of it.

    A finished trial does not change any more; signs of life of a running one are not seen.
    """
    digest = blake2b(digest_size=12)
    system = study_system_attrs(study).items()
    shown = {name: value for name, value in system if not name.startswith(_OF_DASHBOARDS)}
    for part in (study.user_attrs, shown, study.directions):
        digest.update(repr(part).encode(errors="surrogatepass"))
    for trial in study.get_trials(deepcopy=False):
        digest.update(repr(_seen(trial)).encode(errors="surrogatepass"))
    return digest.hexdigest()


def _seen(trial: FrozenTrial) -> tuple[Any, ...]:
    if trial.state.is_finished():
        return trial.number, trial.state.value
    system = {name: x for name, x in trial.system_attrs.items() if name != RENEWED.key}
    reported = trial.intermediate_values
    return trial.number, trial.state.value, trial.params, trial.user_attrs, system, reported
