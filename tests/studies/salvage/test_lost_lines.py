"""The lines that follow show how many studies and trials the lost lines created."""

from __future__ import annotations

import pytest

from bonas.studies.salvage.lost_lines import Lost, Operation, lost_before


def _study(name: str) -> Operation:
    return {"op_code": 0, "study_name": name}


def _trial(study: int = 0) -> Operation:
    return {"op_code": 4, "study_id": study}


def _about(trial: int) -> Operation:
    return {"op_code": 8, "trial_id": trial}


DELETED = {"op_code": 1, "study_id": 0}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([], [Lost(0, 0)]),
        ([_study("s"), _trial(), _about(0)], [Lost(0, 0)]),
        ([None, _trial(), _about(0)], [Lost(0, 0), Lost(1, 0)]),  # the study
        ([_study("s"), None, _about(0)], [Lost(0, 0), Lost(0, 1)]),  # its trial
        # A lost line about a trial that exists creates none.
        ([_study("s"), _trial(), None, _about(0)], [Lost(0, 0), Lost(0, 0)]),
        # A later line shows what was lost before an earlier one of the same stretch.
        (
            [_study("s"), None, _trial(), _about(0), _about(3)],
            [Lost(0, 0), Lost(0, 3)],
        ),
        # Each stretch is counted on from the one before.
        (
            [_study("s"), None, _trial(), _about(1), None, _trial(), _about(3)],
            [Lost(0, 0), Lost(0, 1), Lost(0, 2)],
        ),
        # A study that is created twice exists once; one that is created after a deletion is new.
        ([_study("s"), _study("s"), None, _trial(1)], [Lost(0, 0), Lost(1, 0)]),
        ([_study("s"), DELETED, _study("s"), None, _trial(1)], [Lost(0, 0), Lost(0, 0)]),
        # A trial of a deleted study was never created.
        ([_study("s"), DELETED, _trial(0), None, _about(0)], [Lost(0, 0), Lost(0, 1)]),
        # Nothing follows: nothing is known to be lost.
        ([_study("s"), None], [Lost(0, 0), Lost(0, 0)]),
    ],
)
def test_what_was_lost_is_the_least_that_explains_later_lines(
    operations: list[Operation | None], expected: list[Lost]
) -> None:
    assert lost_before(operations) == expected
