"""How a trial ended, and what follows: whether a budget counts it, and whether it comes again.

=========  =====================================================================  =======  =========
outcome    the trial                                                              counted  proposed
                                                                                           again
=========  =====================================================================  =======  =========
measured   is complete                                                            yes      no
known      is complete, and was before the search                                 no       no
pruned     was pruned by its evaluation                                           yes      no
stopped    was pruned since a stopping rule said so                               share    no
failed     has failed in its evaluation: it holds the traceback                   yes      no
open       has failed in an earlier call, which this one *reopened*               no       yes
released   has failed unmeasured: its worker died or was stopped                  no       yes
=========  =====================================================================  =======  =========

Of what a rule stopped, a budget counts the share of a whole evaluation that was spent.

Every proposal has an index. It is the trial's number, but for a proposal whose trial was released
before it was measured: that is the next to be proposed again, in a new trial with the old index,
so that a search that was cut off goes on as if it had not been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from bonas.arguments import is_number
from bonas.evaluation.candidate import index_of
from bonas.evaluation.failure import Failure
from bonas.studies.records import (
    DIED,
    ERROR,
    FAILURE,
    KNOWN,
    RELEASED,
    REOPENED,
    STOPPED_EARLY,
    Proposal,
    index_made,
    is_proposed,
)


def is_known(trial: FrozenTrial) -> bool:
    """Return whether the trial was known before the search: data that no budget counts."""
    return KNOWN.read(trial) is not None


def has_failed(trial: FrozenTrial) -> bool:
    """Return whether the trial failed in its evaluation, or is not to be evaluated at all."""
    return trial.state == TrialState.FAIL and ERROR.read(trial) is not None


def counts(trial: FrozenTrial) -> bool:
    """Return whether a trial was evaluated by this search: measured, pruned or failed."""
    if is_known(trial):
        return False
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or has_failed(trial)


def share_of(trial: FrozenTrial) -> float:
    """Return the share of a whole evaluation that was spent: below 1 if a rule stopped it."""
    if trial.state != TrialState.PRUNED:
        return 1.0
    share: object = (STOPPED_EARLY.read(trial) or {}).get("fidelity")
    return float(share) if is_number(share) and 0 < share <= 1 else 1.0


def is_stopped_early(trial: FrozenTrial) -> bool:
    """Return whether a stopping rule ended the evaluation."""
    return trial.state == TrialState.PRUNED and STOPPED_EARLY.read(trial) is not None


def evaluated(study: Study) -> int:
    """Return how many architectures were evaluated: with success or not, wholly or in part."""
    known = study.get_trials(deepcopy=False)
    return counted(known, reopened_below(study, known))


def counted(known: Iterable[FrozenTrial], reopened: int) -> int:
    """Return how many proposals were evaluated, where failures below ``reopened`` are open.

    A worker that was thought dead and the one that took over may store one at the same moment.
    """
    return len(
        {
            (index_of(trial), *trial.params.items())
            for trial in known
            if counts(trial) and not is_open(trial, reopened)
        }
    )


def failures(known: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the failed trials, of those that were tried again the latest if that failed, too."""
    latest = {index_of(trial): trial for trial in known if counts(trial)}
    return [trial for trial in latest.values() if trial.state == TrialState.FAIL]


def failure_of(trial: FrozenTrial) -> Failure | None:
    """Return why a trial failed in its evaluation; None if it did not.

    A failure that an earlier version stored is an ``exception``.
    """
    text = ERROR.read(trial) if trial.state == TrialState.FAIL else None
    return None if text is None else Failure.stored_as(FAILURE.read(trial), text)


def can_be_reopened(trial: FrozenTrial) -> bool:
    """Return whether the trial failed in an evaluation that may be better next time."""
    return has_failed(trial) and not RELEASED.is_in(trial) and not is_known(trial)


def reopened_below(study: Study, known: Sequence[FrozenTrial]) -> int:
    """Return the number below which failed trials are tried again; it is read where one failed."""
    return (REOPENED.read(study) or 0) if any(map(can_be_reopened, known)) else 0


def is_open(trial: FrozenTrial, reopened: int) -> bool:
    """Return whether the trial failed, and is to be tried again under its index."""
    return trial.number < reopened and can_be_reopened(trial)


def is_closed(trial: FrozenTrial, reopened: int) -> bool:
    """Return whether what the trial evaluates needs no further proposal."""
    if trial.state != TrialState.FAIL:
        return True
    return has_failed(trial) and not is_open(trial, reopened)


def is_taken(trial: FrozenTrial, reopened: int) -> bool:
    """Return whether the trial's index is not to be proposed again."""
    if trial.state != TrialState.FAIL:
        return True
    return counts(trial) and not is_open(trial, reopened)


def given_up(known: Iterable[FrozenTrial], reopened: int = 0) -> list[Proposal]:
    """Return the proposals of released trials that no other trial has measured or is measuring.

    There is one for each index. What a released trial was only offered is among them, and what
    failed in a trial with a number below ``reopened``.
    """
    taken, released = set(), {}
    for trial in known:
        index = index_made(trial)
        if index is None:
            continue
        if is_taken(trial, reopened):
            taken.add(index)
        elif RELEASED.is_in(trial) or is_open(trial, reopened):
            released[index] = trial
    left = (Proposal.of(trial) for index, trial in sorted(released.items()) if index not in taken)
    return [proposal for proposal in left if proposal is not None]


def next_index(known: Iterable[FrozenTrial]) -> int:
    """Return the index of a new proposal: one more than the highest that was made."""
    made = map(index_made, known)
    return max((index for index in made if index is not None), default=-1) + 1


def deaths(known: Iterable[FrozenTrial]) -> int:
    """Return how many workers have died while they evaluated."""
    return sum(RELEASED.read(trial) == DIED and is_proposed(trial) for trial in known)


def deaths_of_one(known: Iterable[FrozenTrial]) -> int:
    """Return how many workers have died over one proposal: the most of any."""
    died = (each for each in known if RELEASED.read(each) == DIED and is_proposed(each))
    return max(Counter(map(index_of, died)).values(), default=0)


def is_deadly(trial: FrozenTrial) -> bool:
    """Return whether a trial counts as failed because its workers died."""
    return has_failed(trial) and RELEASED.read(trial) == DIED
