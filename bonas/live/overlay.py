"""A storage as Optuna's dashboard is to see it: with more to look at, and without raw JSON.

Everything is read from the storage beneath, and what a person writes in the dashboard goes there.
What bonas adds is in no storage.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import StorageUnavailable
from bonas.live.fingerprint import fingerprint
from bonas.live.readable import readable, rounded
from bonas.live.shown import ARTIFACT, Shown, described, stored_drawing, visible
from bonas.live.spaces import KnownSpaces
from bonas.optuna_internals import FrozenStudy, id_of, id_of_trial
from bonas.spaces import Space

_PAUSE = 3.0  # seconds between two looks whether a study has changed
_logger = logging.getLogger(__name__)


def _of_the_storage(name: str) -> Callable[..., Any]:
    """Return a method that the storage beneath has."""

    def call(self: Overlay, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    return call


class Overlay(BaseStorage):
    """``inner``, as it is to be seen.

    Args:
        inner: The storage.
        shows: Whether the study of a name is to be seen.
        spaces: What was searched.
    """

    def __init__(
        self, inner: BaseStorage, shows: Callable[[str], bool], spaces: KnownSpaces
    ) -> None:
        self.inner, self._shows, self._spaces = inner, shows, spaces
        self._lock = threading.Lock()
        self._shown: dict[int, tuple[float, str, Shown]] = {}  # looked at when, a version, what
        self._current = threading.local()

    create_new_study = _of_the_storage("create_new_study")
    delete_study = _of_the_storage("delete_study")
    set_study_user_attr = _of_the_storage("set_study_user_attr")
    set_study_system_attr = _of_the_storage("set_study_system_attr")
    get_study_id_from_name = _of_the_storage("get_study_id_from_name")
    get_study_name_from_id = _of_the_storage("get_study_name_from_id")
    get_study_directions = _of_the_storage("get_study_directions")
    create_new_trial = _of_the_storage("create_new_trial")
    set_trial_param = _of_the_storage("set_trial_param")
    get_trial_id_from_study_id_trial_number = _of_the_storage(
        "get_trial_id_from_study_id_trial_number"
    )
    set_trial_state_values = _of_the_storage("set_trial_state_values")
    set_trial_intermediate_value = _of_the_storage("set_trial_intermediate_value")
    set_trial_user_attr = _of_the_storage("set_trial_user_attr")
    set_trial_system_attr = _of_the_storage("set_trial_system_attr")

    @contextmanager
    def looking_at(self, study_id: int | None) -> Iterator[None]:
        """Show in this thread all that there is of one study."""
        self._current.study = study_id
        try:
            yield
        finally:
            self._current.study = None

    def shown(self, study_id: int) -> Shown:
        """Return what is added to a study; made anew where something has changed."""
        with self._lock:
            looked, version, before = self._shown.get(study_id, (0.0, "", Shown()))
            if looked and time.monotonic() - looked < _PAUSE:
                return before
            name = self.inner.get_study_name_from_id(study_id)
            study = optuna.load_study(study_name=name, storage=self.inner)
            current = fingerprint(study)
            if current != version:
                try:
                    before = Shown.of(study, self._spaces.of(study))
                except StorageUnavailable:
                    raise
                except Exception:  # the dashboard is to be seen without it
                    _logger.warning("nothing is added to the study %r", name, exc_info=True)
            self._shown[study_id] = time.monotonic(), current, before
            return before

    def drawn_trial(self, drawing: str) -> tuple[Space, FrozenTrial] | None:
        """Return the space and the trial of a drawing; None if nothing is known of it."""
        with self._lock:
            found = [(i, shown.drawings) for i, (_, _, shown) in self._shown.items()]
        for study_id, drawings in found:
            if drawing in drawings:
                name = self.inner.get_study_name_from_id(study_id)
                study = optuna.load_study(study_name=name, storage=self.inner)
                space = self._spaces.of(study)
                return None if space is None else (space, drawings[drawing])
        return None

    def get_all_studies(self) -> list[FrozenStudy]:
        found = (study for study in self.inner.get_all_studies() if self._shows(study.study_name))
        return [self._seen(study) for study in found]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return readable(self.inner.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return visible(self.inner.get_study_system_attrs(study_id), self.shown(study_id))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        with self._lock:
            every = [shown.drawings for _, _, shown in self._shown.values()]
        return self._seen_trial(self.inner.get_trial(trial_id), _ids(*every))

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        del deepcopy  # what is returned are copies
        drawings = _ids(self.shown(study_id).drawings)
        trials = self.inner.get_all_trials(study_id, deepcopy=False, states=states)
        return [self._seen_trial(trial, drawings) for trial in trials]

    def _seen(self, study: FrozenStudy) -> FrozenStudy:
        seen, own = copy.copy(study), id_of(study)
        is_current = getattr(self._current, "study", None) == own
        seen.user_attrs = readable(study.user_attrs)
        seen.system_attrs = visible(study.system_attrs, self.shown(own) if is_current else None)
        return seen

    def _seen_trial(self, trial: FrozenTrial, drawings: Mapping[int, str]) -> FrozenTrial:
        seen = copy.copy(trial)
        seen.user_attrs = readable(trial.user_attrs)
        if trial.values is not None:
            seen.values = [rounded(value) for value in trial.values]
        drawing = drawings.get(id_of_trial(trial))
        if drawing is not None and stored_drawing(trial) is None:
            seen.system_attrs = {**trial.system_attrs, ARTIFACT + drawing: described(drawing)}
        return seen


def _ids(*drawings: Mapping[str, FrozenTrial]) -> dict[int, str]:
    """Return the id of a trial -> that of its drawing."""
    return {id_of_trial(trial): name for each in drawings for name, trial in each.items()}
