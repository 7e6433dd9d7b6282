"""``study.stop()``: ends the search of one call, whichever of its workers says it.

It means what it means in Optuna: evaluations under way are finished, and no other one is begun. A
worker for which another process proposes writes it to the study, under the name of that process, so
that the other workers of the call hear of it, wherever they are. Other calls that search the same
study go on.
"""

from __future__ import annotations

from optuna import Study

from bonas.optuna_internals import is_stopped
from bonas.studies.records import are_stopped, stop_workers


def is_ending(study: Study, asker: str) -> bool:
    """Return whether this process or a worker of ``asker`` called ``study.stop()``."""
    return is_stopped(study) or are_stopped(study, asker)


def pass_on(study: Study, asker: str) -> None:
    """Let all workers of ``asker`` end if this process called ``study.stop()``."""
    if is_stopped(study) and not are_stopped(study, asker):
        stop_workers(study, asker)
