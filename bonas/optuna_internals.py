"""Everything that bonas uses of Optuna without being offered it: private names, each with a reason.

Optuna's public interface changes a study through the process that asked for the trial. A search
with several workers needs what its storages offer below that: to write to a trial that another
process asked for, to create a trial together with its claim, to read one trial afresh.

==========================  =====================================================================
``study._storage``          the storage of a study, which holds the calls above; public for a trial
``study._study_id``,        the numbers under which a storage knows a study and a trial
``trial._trial_id``
``_pop_waiting_trial_id``   the enqueued trial that ``study.ask`` would take, of which a worker asks
                            by itself when there is none
``_cached_frozen_trial``    what Optuna read of a trial when it was asked for: it costs no reading
``_thread_local``,          ``study.stop()`` is allowed in ``study.optimize`` alone, which runs its
``_stop_flag``              own loop
``_suggest``                a parameter of a given distribution, as ``study.ask`` fixes one
``_contains``               whether a value is within a distribution
``_backend``,               the file behind a journal
``_file_path``
``_CachedStorage``,         what ``get_storage`` puts before a database (``_cached_storage``), and
``_backend``                the database
``_CONSTRAINTS_KEY``        where ``Trial.set_constraint`` writes (``_constrained_optimization``); a
                            trial of a worker that was thought dead is stored as a whole
``FrozenStudy``             what a storage's ``get_all_studies`` returns
``_create_new_trial``,      wrapped in ``studies.storages.sqlite``: Optuna's cache calls these two
``_set_trial_param``        of a database, and not the public ones
==========================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.study._frozen import FrozenStudy
from optuna.trial import BaseTrial, FrozenTrial, Trial, TrialState

__all__ = ["FrozenStudy"]

CONSTRAINT = f"{_CONSTRAINTS_KEY}:"
"""Before a constraint's name: the system attribute of a trial that ``set_constraint`` writes."""


def storage_of(study: Study) -> BaseStorage:
    """Return the storage that holds the study."""
    return study._storage


def id_of(study: Study | FrozenStudy) -> int:
    """Return the number under which its storage knows the study."""
    return study._study_id


def set_user_attr(study: Study, trial: Trial | FrozenTrial, name: str, value: Any) -> None:
    """Write a user attribute of a trial, which another process may have asked for.

    Raises:
        UpdateFinishedTrialError: if the trial is finished.
    """
    study._storage.set_trial_user_attr(trial._trial_id, name, value)


def set_system_attr(study: Study, trial: Trial | FrozenTrial, name: str, value: Any) -> None:
    """Write a system attribute of a trial.

    Raises:
        UpdateFinishedTrialError: if the trial is finished.
    """
    study._storage.set_trial_system_attr(trial._trial_id, name, value)


def set_study_system_attr(study: Study, name: str, value: Any) -> None:
    """Write a system attribute of a study."""
    study._storage.set_study_system_attr(study._study_id, name, value)


def study_system_attrs(study: Study) -> dict[str, Any]:
    """Return the system attributes of a study."""
    return study._storage.get_study_system_attrs(study._study_id)


def create_trial(study: Study, template: FrozenTrial) -> FrozenTrial:
    """Create a trial with all that the template holds at once; return it as it is stored."""
    storage = study._storage
    return storage.get_trial(storage.create_new_trial(study._study_id, template_trial=template))


def take_enqueued(study: Study) -> FrozenTrial | None:
    """Return the next enqueued trial, which is running now; None if none waits."""
    trial_id = study._pop_waiting_trial_id()
    return None if trial_id is None else study._storage.get_trial(trial_id)


def live(study: Study, trial: FrozenTrial) -> Trial:
    """Return the trial as an evaluation uses it; its parameters come from the study's sampler."""
    return Trial(study, trial._trial_id)


def frozen(trial: Trial) -> FrozenTrial:
    """Return what was read of the trial when it was asked for, and suggested since."""
    return trial._cached_frozen_trial


def id_of_trial(trial: Trial | FrozenTrial) -> int:
    """Return the number under which its storage knows the trial."""
    return trial._trial_id


def keep_frozen(trial: Trial, known: FrozenTrial) -> None:
    """Let a trial know what another process read of it."""
    trial._cached_frozen_trial = known


def read_afresh(study: Study, trial: Trial | FrozenTrial) -> FrozenTrial:
    """Return the trial as the storage holds it now."""
    return study._storage.get_trial(trial._trial_id)


def finish(
    study: Study,
    trial: Trial | FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None = None,
) -> bool:
    """Set the final state of a trial; return False if another process was faster.

    Raises:
        UpdateFinishedTrialError: if the trial was finished before.
    """
    return study._storage.set_trial_state_values(trial._trial_id, state, values)


@contextmanager
def stoppable(study: Study) -> Iterator[None]:
    """Allow ``study.stop()`` in the block, in this thread."""
    local = study._thread_local
    before, local.in_optimize_loop = local.in_optimize_loop, True
    study._stop_flag = False
    try:
        yield
    finally:
        local.in_optimize_loop = before


def is_stopped(study: Study) -> bool:
    """Return whether ``study.stop()`` was called in this process."""
    return study._stop_flag


def suggest(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    """Return the trial's value of a parameter with any distribution."""
    return trial._suggest(name, distribution)  # type: ignore[attr-defined]  # every trial has it


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a distribution can have that value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (OverflowError, TypeError, ValueError):
        return False


def backend_of(storage: JournalStorage) -> object:
    """Return the backend that stores the lines of a journal."""
    return storage._backend


def uncached(storage: BaseStorage) -> BaseStorage:
    """Return the database behind Optuna's cache; any other storage as it is."""
    return storage._backend if isinstance(storage, _CachedStorage) else storage


def path_of(backend: JournalFileBackend) -> str:
    """Return the path of the file of Optuna's own backend."""
    return backend._file_path
