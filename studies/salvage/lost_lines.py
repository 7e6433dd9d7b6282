"""Lost lines of a journal: how many studies and trials they created.

A line identifies a trial by the number of trials created before it, so that a lost line that
created one shifts all later trials. The lines that follow show how many were lost: a line about
trial ``t`` implies that ``t + 1`` trials were created before it, and the readable lines may have
created fewer. A worker writes about a trial as soon as it has created it, so the bound is tight.
The same holds for studies.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from bonas.studies.storages.journal_line import OpCode

Operation = dict[str, Any]
"""What a line says, see ``journal_line``."""


class Lost(NamedTuple):
    """How many studies and trials the lost lines so far have created."""

    studies: int
    trials: int


def lost_before(operations: Iterable[Operation | None]) -> list[Lost]:
    """Return what was lost before each stretch of readable lines; None stands for a lost line.

    >>> created = [{"op_code": 0, "study_name": "s"}, {"op_code": 4, "study_id": 0}]
    >>> lost_before([*created, None, {"op_code": 8, "trial_id": 2}])
    [Lost(studies=0, trials=0), Lost(studies=0, trials=2)]
    """
    studies = trials = 0
    found = [Lost(0, 0)]
    deleted: set[int] = set()
    names: set[str] = set()
    for log in operations:
        if log is None:
            found.append(found[-1])
            continue
        found[-1] = Lost(
            max(found[-1].studies, log.get("study_id", -1) + 1 - studies),
            max(found[-1].trials, log.get("trial_id", -1) + 1 - trials),
        )
        match log["op_code"]:
            case OpCode.CREATE_STUDY if log["study_name"] not in names:
                studies += 1
                names.add(log["study_name"])
            case OpCode.DELETE_STUDY:
                deleted.add(log["study_id"])
                names.clear()  # the name of a deleted study is known only once the ids are
            case OpCode.CREATE_TRIAL if log["study_id"] not in deleted:
                trials += 1
    return found
