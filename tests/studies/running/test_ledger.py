"""The ledger: what a call has measured is not lost with its storage."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import create_trial

from bonas.errors import StorageUnavailable
from bonas.studies.running.ledger import Entry, Ledger, Row, with_rows
from bonas.studies.storages.opening import open_storage

ROWS: list[Row] = [({"x": number}, {"accuracy": float(number)}) for number in range(3)]


def stored(study: optuna.Study, number: int) -> None:
    """Store the row of that number in a study."""
    params, values = ROWS[number]
    kinds = {"x": IntDistribution(0, 9)}
    study.add_trial(create_trial(value=values["accuracy"], params=params, distributions=kinds))


def test_each_entry_is_heard_when_it_is_made() -> None:
    heard: list[Entry] = []
    ledger = Ledger(heard.append)
    ledger.measured(4, ROWS[0])
    ledger.stored(4)
    assert heard == [Entry(4, ROWS[0]), Entry(4, None, stored=True)]


def test_a_row_is_outstanding_until_it_is_stored() -> None:
    ledger = Ledger()
    for number, row in enumerate(ROWS):
        ledger.measured(number, row)
    ledger.stored(1)
    assert ledger.outstanding() == {0: ROWS[0], 2: ROWS[2]}


def test_entries_of_another_process_are_the_same_as_own_ones() -> None:
    heard: list[Entry] = []
    own = Ledger()
    other = Ledger(lambda entry: (heard.append(entry), own.note(entry)))
    other.measured(0, ROWS[0])
    other.measured(1, ROWS[1])
    other.stored(0)
    assert own.outstanding() == other.outstanding() == {1: ROWS[1]}
    assert len(heard) == 3


def test_rows_that_the_study_does_not_hold_are_lost() -> None:
    study, ledger = optuna.create_study(direction="maximize"), Ledger()
    for number, row in enumerate(ROWS):
        ledger.measured(number, row)
    stored(study, 1)
    assert ledger.lost(None, study, ["accuracy"]) == [ROWS[0], ROWS[2]]


def test_rows_of_an_error_are_added_once() -> None:
    study, ledger = optuna.create_study(), Ledger()
    ledger.measured(0, ROWS[0])
    ledger.add([ROWS[0], ROWS[1]])
    assert ledger.lost(None, study, ["accuracy"]) == ROWS[:2]


def test_a_file_is_opened_anew_to_see_what_it_holds(tmp_path: Path) -> None:
    path = str(tmp_path / "a.log")
    study = optuna.create_study(storage=open_storage(path), study_name="s", direction="maximize")
    ledger = Ledger()
    for number in (0, 1):
        ledger.measured(number, ROWS[number])
    stored(study, 0)
    assert ledger.lost(path, study, ["accuracy"]) == [ROWS[1]]
    (tmp_path / "a.log").unlink()
    assert ledger.lost(path, study, ["accuracy"]) == ROWS[:2]  # all are gone with the file


def test_a_database_that_is_away_keeps_what_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    study, ledger = optuna.create_study(), Ledger()
    for number in (0, 1):
        ledger.measured(number, ROWS[number])
    ledger.stored(0)
    monkeypatch.setattr("bonas.studies.running.ledger._reading", lambda *_: 1 / 0)
    assert ledger.lost("postgresql://host/db", study, ["accuracy"]) == [ROWS[1]]
    assert ledger.lost("sqlite:///a.db", study, ["accuracy"]) == ROWS[:2]
    assert ledger.lost(None, study, ["accuracy"]) == ROWS[:2]


def test_an_error_repeats_the_rows_and_keeps_the_study() -> None:
    error = StorageUnavailable("the disk is full")
    error.study = optuna.create_study()
    assert with_rows(error, []) is error
    failure = with_rows(error, ROWS[:1])
    assert failure.rows == [({"x": 0}, {"accuracy": 0.0})]
    assert failure.study is error.study
    assert str(failure).startswith("the disk is full. 1 row(s) were measured")
    assert "warm_start=[({'x': 0}, {'accuracy': 0.0})]" in str(failure)
