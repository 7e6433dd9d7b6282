"""A trial and its study in an isolated evaluation: what they are asked is asked of the real ones.

The process of an evaluation may be killed at any moment, so that it opens no storage: a call of the
storage, and whatever changes the trial, is sent to the process of the search, which makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import Trial

from bonas.optuna_internals import frozen, keep_frozen, storage_of, suggest

Call = Callable[[str, str, tuple[Any, ...], dict[str, Any]], Any]
"""Makes a call elsewhere: of what (``storage``, ``trial`` or ``study``), the name, arguments."""

STORAGE, TRIAL, STUDY = "storage", "trial", "study"
_STORAGE_CALLS = frozenset(
    name
    for name in dir(BaseStorage)
    if not name.startswith("_") and callable(getattr(BaseStorage, name))
)
_TRIAL_CALLS = frozenset(("report", "set_constraint", "set_user_attr", "should_prune", "suggest"))


def forwarded_trial(call: Call, study_name: str, trial_id: int) -> Trial:
    """Return a trial that makes its calls by ``call``; ``answer`` is the other end."""
    study = _ForwardedStudy(call, study_name)
    return _ForwardedTrial(call, study, trial_id)


def answer(trial: Trial, target: str, name: str, args: Any, kwargs: Any) -> object:
    """Make a call of an isolated evaluation; one of a trial also returns what is known of it.

    Raises:
        Exception: what the call raises.
        PermissionError: for a call that a forwarded trial does not make.
    """
    if target == STORAGE and name in _STORAGE_CALLS:
        return getattr(storage_of(trial.study), name)(*args, **kwargs)
    if target == STUDY and name == "stop":
        trial.study.stop()
        return None
    if target != TRIAL or name not in _TRIAL_CALLS:
        raise PermissionError(f"expected a call of a trial, got {target}.{name}")
    made = suggest(trial, *args) if name == "suggest" else getattr(trial, name)(*args, **kwargs)
    return made, frozen(trial)


class _ForwardedTrial(Trial):
    """A trial that another process holds."""

    def __init__(self, call: Call, study: Study, trial_id: int) -> None:
        self._call = call
        super().__init__(study, trial_id)

    def report(self, value: float, step: int) -> None:
        self._made("report", value, step)

    def should_prune(self) -> bool:
        return bool(self._made("should_prune"))

    def set_user_attr(self, key: str, value: Any) -> None:
        self._made("set_user_attr", key, value)

    def set_constraint(self, key: str, value: float) -> None:
        self._made("set_constraint", key, value)

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        return self._made("suggest", name, distribution)

    def _made(self, name: str, *args: Any) -> Any:
        made, known = self._call(TRIAL, name, args, {})
        keep_frozen(self, known)
        return made


class _ForwardedStudy(Study):
    """A study that another process has opened; it samples and prunes nothing here."""

    def __init__(self, call: Call, study_name: str) -> None:
        self._call = call
        storage = _ForwardedStorage(call)
        super().__init__(study_name, storage, RandomSampler(seed=0), NopPruner())

    def stop(self) -> None:
        self._call(STUDY, "stop", (), {})


def _forwarding(name: str) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.call(STORAGE, name, args, kwargs)

    return forward


_Forwarding: Any = type(
    "_Forwarding", (BaseStorage,), {name: _forwarding(name) for name in _STORAGE_CALLS}
)


class _ForwardedStorage(_Forwarding):  # type: ignore[misc]  # its methods are made by name
    """A storage whose calls another process makes."""

    def __init__(self, call: Call) -> None:
        self.call = call
