"""The ledger of what one call has measured, so that a storage that fails loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import StorageUnavailable
from bonas.studies.storages.opening import Storage, open_storage

Row = tuple[Mapping[str, Any], Mapping[str, float]]
"""Choices, and a measurement's name -> its value; as ``warm_start`` takes a row."""


@dataclass(frozen=True)
class Entry:
    """A row that was measured for the trial ``number``, or the note that its row is stored."""

    number: int
    row: Row | None
    stored: bool = False


class Ledger:
    """The rows that a call has measured, noted before they are stored.

    Args:
        heard: Called with each entry, when it is made.
    """

    def __init__(self, heard: Callable[[Entry], object] = lambda entry: None) -> None:
        self._heard = heard
        self._rows: list[Row] = []
        self._open: dict[int, Row] = {}

    def measured(self, number: int, row: Row) -> None:
        """Note the row of a trial, before it is stored."""
        self.note(Entry(number, row))

    def stored(self, number: int) -> None:
        """Note that the row of a trial was stored."""
        self.note(Entry(number, None, stored=True))

    def note(self, entry: Entry) -> None:
        """Add an entry that was made here or came from another process."""
        if entry.row is not None:
            self._open[entry.number] = entry.row
            self._rows.append(entry.row)
        if entry.stored:
            self._open.pop(entry.number, None)
        self._heard(entry)

    def outstanding(self) -> dict[int, Row]:
        """Return a trial's number -> the row that is measured and not known to be stored."""
        return dict(self._open)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows that an error brought along."""
        self._rows += [row for row in rows if row not in self._rows]

    def lost(self, storage: Storage | None, study: optuna.Study, names: Sequence[str]) -> list[Row]:
        """Return the rows that a new reading of the storage does not find: all if there is none.

        A database that does not answer still has what it had: there it is the rows that were not
        stored.
        """
        try:
            found = _held(_reading(storage, study), names)
        except Exception:  # of any storage: nothing can be read
            is_away = isinstance(storage, str) and "://" in storage and "sqlite" not in storage
            return list(self._open.values()) if is_away else list(self._rows)
        return [row for row in self._rows if _identity(row, names) not in found]


def with_rows(error: StorageUnavailable, rows: Sequence[Row]) -> StorageUnavailable:
    """Return the error with rows that no storage holds; its text repeats them."""
    if not rows:
        return error
    plain = [(dict(choices), dict(values)) for choices, values in rows]
    failure = StorageUnavailable(
        f"{error}. {len(plain)} row(s) were measured that it does not hold; not to lose them, give "
        f"them (this error's rows) to that call: warm_start={plain}"
    )
    failure.rows, failure.study = plain, error.study
    return failure


def _reading(storage: Storage | None, study: optuna.Study) -> list[FrozenTrial]:
    """Return the study's trials; the storage is opened anew where that is possible."""
    if storage is None or isinstance(storage, optuna.storages.BaseStorage):
        return study.get_trials(deepcopy=False)
    opened = open_storage(storage, create=False, patience=1.0)
    again = optuna.load_study(study_name=study.study_name, storage=opened)
    return again.get_trials(deepcopy=False)


def _held(known: Iterable[FrozenTrial], names: Sequence[str]) -> set[object]:
    """Return what identifies the rows that these trials hold."""
    return {
        _identity((trial.params, dict(zip(names, trial.values, strict=False))), names)
        for trial in known
        if trial.state == TrialState.COMPLETE
    }


def _identity(row: Row, names: Sequence[str]) -> tuple[object, ...]:
    choices, values = row
    return frozenset(choices.items()), tuple(float(values[name]) for name in names)
