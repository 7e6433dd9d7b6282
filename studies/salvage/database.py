"""Salvage of an SQLite database: every row that can still be reached.

A table is read from both ends, each up to a damaged page; the rows between are queried one by one.
A copy of the file is read, since SQLite repairs what an interrupted write left.
"""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from bonas.studies.salvage.salvaged import Salvaged, SalvagedStudy, SalvagedTrial

Record = dict[str, Any]
"""A row of a table: a column's name -> its value."""
_PAGE = 4096  # bytes, SQLite's default
_WIDEST = 100_000  # rows between the two ends that are queried one by one
_TABLES = {  # table -> its primary key
    "studies": "study_id",
    "study_directions": "study_direction_id",
    "study_user_attributes": "study_user_attribute_id",
    "study_system_attributes": "study_system_attribute_id",
    "trials": "trial_id",
    "trial_params": "param_id",
    "trial_values": "trial_value_id",
    "trial_intermediate_values": "trial_intermediate_value_id",
    "trial_user_attributes": "trial_user_attribute_id",
    "trial_system_attributes": "trial_system_attribute_id",
}
# Python decodes the text of SQLite's error, which may repeat a damaged name.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def read_database(path: Path) -> Salvaged:
    """Read what is readable of the SQLite database ``path``.

    Raises:
        OSError: if the file cannot be read.
    """
    salvaged = Salvaged()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        for ending in ("-journal", "-wal"):
            if (part := path.with_name(path.name + ending)).exists():
                shutil.copyfile(part, Path(folder) / part.name)
        if not _has_schema(copy):
            _replace_first_page(copy, Path(folder) / "fresh.db")
        with closing(sqlite3.connect(copy)) as opened:
            opened.row_factory = sqlite3.Row
            opened.text_factory = lambda text: text.decode(errors="replace")
            rows = {table: list(_rows(opened, table, salvaged.unreadable)) for table in _TABLES}
    _Assembly(salvaged, rows).run()
    return salvaged


def _has_schema(path: Path) -> bool:
    """Return whether the tables of the database can be found."""
    try:
        with closing(sqlite3.connect(path)) as opened:
            return bool(opened.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except _UNREADABLE:
        return False


def _replace_first_page(path: Path, fresh: Path) -> None:
    """Overwrite the first page of ``path`` with that of a new database: Optuna makes all alike."""
    RDBStorage(f"sqlite:///{fresh}").engine.dispose()
    page = bytearray(fresh.read_bytes()[:_PAGE])
    page[28:32] = (path.stat().st_size // _PAGE).to_bytes(4, "big")  # the size in pages
    page[32:40] = bytes(8)  # no page is free
    with path.open("r+b") as opened:
        opened.write(page)


def _rows(opened: sqlite3.Connection, table: str, unreadable: list[str]) -> Iterator[Record]:
    """Yield the readable rows of a table by their key, and note how many are unreadable."""
    found: dict[int, Record] = {}
    first = _walk(opened, table, "ASC", found)
    if first is None:
        yield from found.values()
        return
    before = set(found)
    _walk(opened, table, "DESC", found)
    low = max(before, default=0)
    high = min(set(found) - before, default=low + 1)
    missing = 0
    for key in range(low + 1, min(high, low + _WIDEST)):
        try:
            one = opened.execute(f"{_select(table)} WHERE {_TABLES[table]} = ?", [key]).fetchone()
        except _UNREADABLE:
            missing += 1
            continue
        if one is not None:
            found[key] = dict(one)
    count = f"about {missing} rows" if missing else "rows at its end, perhaps,"
    unreadable.append(f"{count} of the table {table} ({first})")
    yield from (found[key] for key in sorted(found))


def _select(table: str) -> str:
    return f"SELECT * FROM {table} NOT INDEXED"


def _walk(
    opened: sqlite3.Connection, table: str, order: str, found: dict[int, Record]
) -> Exception | None:
    """Read rows from one end; return the error that stopped it, if any."""
    key = _TABLES[table]
    try:
        for row in opened.execute(f"{_select(table)} ORDER BY {key} {order}"):
            if row[key] in found:
                return None
            found[row[key]] = dict(row)
    except _UNREADABLE as error:
        return error
    return None


class _Assembly:
    """Assembles studies and trials from the rows of all tables."""

    def __init__(self, salvaged: Salvaged, rows: dict[str, list[Record]]) -> None:
        self._salvaged, self._rows = salvaged, rows
        self._studies: dict[int, SalvagedStudy] = {}
        self._trials: dict[int, SalvagedTrial] = {}

    def run(self) -> None:
        """Assemble all studies, and count the lost trials."""
        self._each("studies", self._study)
        self._each("study_directions", self._direction)
        self._each("trials", self._trial)
        for kind in ("user", "system"):
            self._each(f"study_{kind}_attributes", self._study_attribute(kind))
            self._each(f"trial_{kind}_attributes", self._trial_attribute(kind))
        self._each("trial_params", self._param)
        self._each("trial_values", self._value)
        self._each("trial_intermediate_values", self._intermediate)
        for study in self._studies.values():
            study.trials.sort(key=lambda trial: trial.number)
            numbers = {trial.number for trial in study.trials}
            self._salvaged.lost += max(numbers, default=-1) + 1 - len(numbers)
        self._salvaged.studies.extend(self._studies.values())

    def _each(self, table: str, read: Callable[[Record], None]) -> None:
        """Apply ``read`` to each row; note the rows whose values are invalid."""
        for row in self._rows[table]:
            try:
                read(row)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                text = f"row {row[_TABLES[table]]} of the table {table} ({error!r:.80})"
                self._salvaged.unreadable.append(text)

    def _study(self, row: Record) -> None:
        self._studies[row["study_id"]] = SalvagedStudy(name=str(row["study_name"]))

    def _direction(self, row: Record) -> None:
        study = self._studies.setdefault(row["study_id"], SalvagedStudy())
        study.directions = [*(study.directions or []), StudyDirection[row["direction"]]]

    def _study_attribute(self, kind: str) -> Callable[[Record], None]:
        def read(row: Record) -> None:
            study = self._studies.setdefault(row["study_id"], SalvagedStudy())
            getattr(study, f"{kind}_attrs")[row["key"]] = json.loads(row["value_json"])

        return read

    def _trial(self, row: Record) -> None:
        trial = SalvagedTrial(number=int(row["number"]))
        self._studies.setdefault(row["study_id"], SalvagedStudy()).trials.append(trial)
        self._trials[row["trial_id"]] = trial
        trial.state = TrialState[row["state"]]
        trial.start, trial.complete = _time(row["datetime_start"]), _time(row["datetime_complete"])

    def _trial_attribute(self, kind: str) -> Callable[[Record], None]:
        def read(row: Record) -> None:
            attributes = getattr(self._trial_of(row), f"{kind}_attrs")
            attributes[row["key"]] = json.loads(row["value_json"])

        return read

    def _param(self, row: Record) -> None:
        trial = self._trial_of(row)
        trial.set_param(row["param_name"], row["distribution_json"], row["param_value"])

    def _value(self, row: Record) -> None:
        kind, value = row["value_type"], row["value"]
        self._trial_of(row).values[int(row["objective"])] = _INFINITE.get(kind) or float(value)

    def _intermediate(self, row: Record) -> None:
        kind, value = row["intermediate_value_type"], row["intermediate_value"]
        self._trial_of(row).intermediate[int(row["step"])] = _INFINITE.get(kind) or float(value)

    def _trial_of(self, row: Record) -> SalvagedTrial:
        """Return the trial of a row.

        If the trial's own row is lost, add the trial to the study, provided there is only one.
        """
        identity = row["trial_id"]
        if identity not in self._trials:
            first = next(((i - t.number) for i, t in self._trials.items()), 1)
            self._trials[identity] = trial = SalvagedTrial(number=identity - first)
            for study in self._studies.values() if len(self._studies) == 1 else ():
                study.trials.append(trial)
        return self._trials[identity]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
