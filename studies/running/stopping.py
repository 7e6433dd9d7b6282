"""``study.stop()``: ends the search of one call, whoever of its workers says it.

It means what it means in Optuna: evaluations under way are finished, and no other one is begun. A
worker that is led by another process writes it to the study, under the name of who leads, so that
the other workers of that call hear of it, wherever they are. Other calls that search the same study
go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import optuna

_STOP = "bonas:stop:"  # the beginning of a system attribute of the study; the leader's name follows


@contextmanager
def stoppable(study: optuna.Study) -> Iterator[None]:
    """Allow ``study.stop()`` in the block, in this thread."""
    local = study._thread_local
    before, local.in_optimize_loop = local.in_optimize_loop, True
    study._stop_flag = False
    try:
        yield
    finally:
        local.in_optimize_loop = before


def is_stopped(study: optuna.Study) -> bool:
    """Return whether ``study.stop()`` was called in this process."""
    return study._stop_flag


def stop_all(study: optuna.Study, leader: str) -> None:
    """Tell all workers of a leader to end."""
    study._storage.set_study_system_attr(study._study_id, _STOP + leader, True)


def are_stopped(study: optuna.Study, leader: str) -> bool:
    """Return whether the workers of a leader are to end."""
    return _STOP + leader in study._storage.get_study_system_attrs(study._study_id)
