"""A storage whose calls are retried while its database is stopped, restarted or locked.

A call whose connection breaks is repeated, although its work may have been done already:

==========================  ==================================================================
reading, setting            the same result once or twice: parameters keep the first value, and
                            attributes get the same one
``create_new_trial``        may leave a second, running trial without a worker, which is released
                            like that of a dead process. A trial that was enqueued or added may
                            be there twice
``set_trial_state_values``  finds the trial finished: success, if with the same state and values.
                            A waiting trial that is claimed twice counts as claimed by another
                            process: it is never evaluated twice, and later released
``create_new_study``        finds the name taken: success, if by an empty study with the same
                            directions
``delete_study``            finds no study: success
==========================  ==================================================================
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bonas.optuna_internals import FrozenStudy
from bonas.studies.storages.address import Address
from bonas.studies.storages.contract import translate
from bonas.studies.storages.retry import Retry

Result = TypeVar("Result")


class RetryingStorage(BaseStorage):
    """``storage``, with every call repeated by ``retry`` and every error translated.

    Raises:
        StorageUnavailable: from any call, if retries do not help, or the storage is damaged.
        InvalidArgument: from any call that writes, if a value cannot be stored.
        KeyError, UpdateFinishedTrialError, DuplicatedStudyError: as Optuna's storages do.
    """

    def __init__(self, storage: BaseStorage, address: Address, retry: Retry) -> None:
        self._wrapped = storage
        self._address = address
        self._retry = retry
        self._studies: set[int] = set()  # ids that a call has found
        self._trials: set[int] = set()

    @property
    def inner(self) -> BaseStorage:
        """The wrapped storage."""
        return self._wrapped

    @property
    def address(self) -> Address:
        """Where the storage is."""
        return self._address

    def __repr__(self) -> str:
        return f"<storage {self._address}>"

    def _call(
        self,
        attempt: Callable[[], Result],
        resolve: Callable[[Exception], Result] | None = None,
        *,
        study: int | None = None,
        trial: int | None = None,
        writes: bool = False,
    ) -> Result:
        """Return what ``attempt`` returns; it reads or changes the given study or trial."""
        try:
            result = self._retry(attempt, resolve)
        except Exception as error:
            was_known = study in self._studies or trial in self._trials
            raised = translate(error, self._address, writes=writes, was_known=was_known)
            if raised is error:
                raise
            raise raised from self._address.safe_cause(error)
        if study is not None:
            self._studies.add(study)
        if trial is not None:
            self._trials.add(trial)
        return result

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        unnamed = f"no-name-{uuid.uuid4()}"  # chosen here: a repeated call needs it
        name = unnamed if study_name is None else study_name

        def resolve(error: Exception) -> int:
            if not isinstance(error, DuplicatedStudyError):
                raise error
            found = self._wrapped.get_study_id_from_name(name)
            if not self._is_fresh(found, directions):
                raise error
            return found

        return self._call(
            lambda: self._wrapped.create_new_study(directions, name), resolve, writes=True
        )

    def _is_fresh(self, study_id: int, directions: Sequence[StudyDirection]) -> bool:
        """Return whether a study has these directions, and nothing in it yet."""
        return (
            self._wrapped.get_study_directions(study_id) == list(directions)
            and not self._wrapped.get_study_user_attrs(study_id)
            and not self._wrapped.get_study_system_attrs(study_id)
            and not self._wrapped.get_all_trials(study_id, deepcopy=False)
        )

    def delete_study(self, study_id: int) -> None:
        def resolve(error: Exception) -> None:
            if not isinstance(error, KeyError):
                raise error

        self._call(lambda: self._wrapped.delete_study(study_id), resolve, writes=True)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._call(
            lambda: self._wrapped.set_study_user_attr(study_id, key, value),
            study=study_id,
            writes=True,
        )

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._call(
            lambda: self._wrapped.set_study_system_attr(study_id, key, value),
            study=study_id,
            writes=True,
        )

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._call(lambda: self._wrapped.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._call(lambda: self._wrapped.get_study_name_from_id(study_id), study=study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._call(lambda: self._wrapped.get_study_directions(study_id), study=study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._call(lambda: self._wrapped.get_study_user_attrs(study_id), study=study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._call(lambda: self._wrapped.get_study_system_attrs(study_id), study=study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._call(self._wrapped.get_all_studies)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self._call(
            lambda: self._wrapped.create_new_trial(study_id, template_trial),
            study=study_id,
            writes=True,
        )

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        self._call(
            lambda: self._wrapped.set_trial_param(
                trial_id, param_name, param_value_internal, distribution
            ),
            trial=trial_id,
            writes=True,
        )

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._call(
            lambda: self._wrapped.get_trial_id_from_study_id_trial_number(study_id, trial_number)
        )

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        def resolve(error: Exception) -> bool:
            if not isinstance(error, UpdateFinishedTrialError):
                raise error
            stored = self._wrapped.get_trial(trial_id)
            if (stored.state, stored.values) != (state, values and list(values)):
                raise error
            return True

        return self._call(
            lambda: self._wrapped.set_trial_state_values(trial_id, state, values),
            resolve,
            trial=trial_id,
            writes=True,
        )

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        self._call(
            lambda: self._wrapped.set_trial_intermediate_value(trial_id, step, intermediate_value),
            trial=trial_id,
            writes=True,
        )

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._call(
            lambda: self._wrapped.set_trial_user_attr(trial_id, key, value),
            trial=trial_id,
            writes=True,
        )

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._call(
            lambda: self._wrapped.set_trial_system_attr(trial_id, key, value),
            trial=trial_id,
            writes=True,
        )

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._call(lambda: self._wrapped.get_trial(trial_id), trial=trial_id)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._call(
            lambda: self._wrapped.get_all_trials(study_id, deepcopy, states), study=study_id
        )

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        return self._call(lambda: self._wrapped.get_best_trial(study_id), study=study_id)

    def remove_session(self) -> None:
        self._wrapped.remove_session()
