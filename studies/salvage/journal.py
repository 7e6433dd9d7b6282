"""Salvage of a journal: its readable lines are replayed, with room for the lost ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import TrialState

from bonas.studies.salvage.lost_lines import Lost, Operation, lost_before
from bonas.studies.salvage.salvaged import Salvaged, SalvagedStudy, SalvagedTrial
from bonas.studies.storages.journal_line import OpCode, parse_operation

_START = b'{"op_code":'


def read_journal(path: Path) -> Salvaged:
    """Read what is readable of the journal ``path``.

    Raises:
        OSError: if the file cannot be read.
    """
    salvaged = Salvaged()
    found = _operations(path, salvaged.unreadable)
    _Replay(lost_before(found)).run(found, salvaged)
    return salvaged


def _operations(path: Path, unreadable: list[str]) -> list[Operation | None]:
    """Return the operation of each line; None for a line that cannot be parsed."""
    found: list[Operation | None] = []
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), start=1):
        try:
            found.append(parse_operation(line))
        except ValueError as error:
            unreadable.append(f"line {number} ({str(error)[:80]})")
            found.append(None)
            found.extend(_operations_within(line))
    return found


def _operations_within(line: bytes) -> Iterator[Operation]:
    """Yield the operations in a line that is several lines whose line breaks were overwritten."""
    for part in line.split(_START)[1:]:
        end = part.rfind(b"}")
        while end >= 0:
            try:
                yield parse_operation(_START + part[: end + 1])
                break
            except ValueError:
                end = part.rfind(b"}", 0, end)


@dataclass
class _Replay:
    """Replays the operations as ``JournalStorage`` does, with room for the lost ones."""

    lost: list[Lost]
    studies: dict[int, SalvagedStudy] = field(default_factory=dict)
    trials: dict[int, SalvagedTrial] = field(default_factory=dict)
    homes: dict[int, int] = field(default_factory=dict)  # trial -> its study
    orphans: dict[int, str] = field(default_factory=dict)  # trial of unknown study -> its worker
    workers: dict[str, set[int]] = field(default_factory=dict)  # worker -> its studies
    deleted: set[int] = field(default_factory=set)
    next_study: int = 0  # the id of the next study, and of the next trial
    next_trial: int = 0

    def run(self, found: list[Operation | None], salvaged: Salvaged) -> None:
        """Replay the operations, and collect the studies in ``salvaged``."""
        stretch, before = 0, Lost(0, 0)
        for log in found:
            stretch += log is None
            lost = self.lost[stretch]
            self.next_study += lost.studies - before.studies
            self.next_trial += lost.trials - before.trials
            before = lost
            if log is not None:
                try:
                    self._apply(log)
                except ValueError as error:
                    what = f"{OpCode(log['op_code']).name} of a trial ({error})"
                    salvaged.unreadable.append(what)
        self._collect(salvaged)

    def _apply(self, log: Operation) -> None:
        code = log["op_code"]
        if code == OpCode.CREATE_STUDY:
            self._create_study(log)
        elif code == OpCode.CREATE_TRIAL:
            self._create_trial(log)
        elif "study_id" in log and log["study_id"] not in self.deleted:
            self._change_study(log)
        elif "trial_id" in log:
            self._change_trial(log)

    def _create_study(self, log: Operation) -> None:
        name = log["study_name"]
        if any(s.name == name for i, s in self.studies.items() if i not in self.deleted):
            return
        study = self.studies.setdefault(self.next_study, SalvagedStudy())
        study.name = name
        study.directions = [StudyDirection(direction) for direction in log["directions"]]
        self.next_study += 1

    def _change_study(self, log: Operation) -> None:
        identity = log["study_id"]
        study = self.studies.setdefault(identity, SalvagedStudy())
        study.user_attrs.update(log.get("user_attr", {}))
        study.system_attrs.update(log.get("system_attr", {}))
        if log["op_code"] == OpCode.DELETE_STUDY:
            self.deleted.add(identity)

    def _create_trial(self, log: Operation) -> None:
        home = log["study_id"]
        if home in self.deleted:
            return
        self.studies.setdefault(home, SalvagedStudy())
        number = self.next_trial
        self.next_trial += 1
        self.homes[number] = home
        self.workers.setdefault(log["worker_id"], set()).add(home)
        values = log.get("values") or [log.get("value")]
        trial = self.trials[number] = SalvagedTrial(
            state=TrialState(log.get("state", TrialState.RUNNING.value)),
            values=_numbers(values),
            user_attrs=dict(log.get("user_attrs", {})),
            system_attrs=dict(log.get("system_attrs", {})),
            intermediate={int(k): v for k, v in log.get("intermediate_values", {}).items()},
            start=_time(log.get("datetime_start")),
            complete=_time(log.get("datetime_complete")),
        )
        for name, text in log.get("distributions", {}).items():
            trial.set_param(name, text, log["params"][name])

    def _change_trial(self, log: Operation) -> None:
        number, worker = log["trial_id"], log["worker_id"]
        trial = self.trials.get(number)
        if trial is None:  # the line that created it is lost
            trial = self.trials[number] = SalvagedTrial()
            self.orphans[number] = worker
        if trial.state is not None and trial.state.is_finished():
            return
        match log["op_code"]:
            case OpCode.SET_TRIAL_PARAM:
                value = log["param_value_internal"]
                trial.set_param(log["param_name"], log["distribution"], value)
            case OpCode.SET_TRIAL_STATE_VALUES:
                trial.state = TrialState(log["state"])
                trial.start = _time(log.get("datetime_start")) or trial.start
                trial.complete = _time(log.get("datetime_complete")) or trial.complete
                trial.values = _numbers(log["values"]) or trial.values
            case OpCode.SET_TRIAL_INTERMEDIATE_VALUE:
                value = log["intermediate_value"]
                trial.intermediate[log["step"]] = math.nan if value is None else value
            case _:
                trial.user_attrs.update(log.get("user_attr", {}))
                trial.system_attrs.update(log.get("system_attr", {}))

    def _collect(self, salvaged: Salvaged) -> None:
        """Give each trial to its study, and count those that are lost."""
        living = {i: study for i, study in self.studies.items() if i not in self.deleted}
        only = next(iter(living)) if len(living) == 1 and not self.deleted else None
        for number, worker in self.orphans.items():
            homes = self.workers.get(worker, set())
            if len(homes) == 1:  # else the worker may have created it in any of them
                self.homes[number] = next(iter(homes))
        for number in range(self.next_trial):
            home, trial = self.homes.get(number, only), self.trials.get(number)
            if home in self.deleted:
                continue
            if home is None or trial is None:
                salvaged.lost += 1
            else:
                # The lost trials are counted where they certainly belong to this study.
                trial.number = number if only is not None else len(living[home].trials)
                living[home].trials.append(trial)
        salvaged.studies.extend(living.values())


def _numbers(values: list[Any] | None) -> dict[int, float]:
    """Return the objectives that are numbers, by their index."""
    return {i: float(x) for i, x in enumerate(values or []) if isinstance(x, (int, float))}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
