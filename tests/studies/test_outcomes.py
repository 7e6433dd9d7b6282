"""How a trial ended: what a budget counts, and what is proposed again."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX
from bonas.studies.outcomes import (
    can_be_reopened,
    counted,
    counts,
    deaths,
    evaluated,
    failures,
    given_up,
    has_failed,
    is_closed,
    is_deadly,
    is_known,
    is_open,
    is_taken,
    next_index,
    reopened_below,
)
from bonas.studies.records import DIED, ERROR, KNOWN, OFFER, PROPOSAL, RELEASED, REOPENED, STOPPED

MEASURED: dict[str, Any] = {"value": 1.0}
PRUNED: dict[str, Any] = {"state": TrialState.PRUNED}
RUNNING: dict[str, Any] = {"state": TrialState.RUNNING}
KNOWN_BEFORE: dict[str, Any] = {"value": 1.0, "user_attrs": KNOWN.holding("mark")}
FAILED: dict[str, Any] = {"state": TrialState.FAIL, "user_attrs": ERROR.holding("Traceback")}
CUT_OFF: dict[str, Any] = {"state": TrialState.FAIL, "system_attrs": RELEASED.holding(DIED)}
DEADLY: dict[str, Any] = {**FAILED, **CUT_OFF}
GIVEN_UP: dict[str, Any] = {"state": TrialState.FAIL}  # by a program that says nothing

WIDTH = {"width": CategoricalDistribution((8, 16, 32))}


def trials_of(*outcomes: dict[str, Any]) -> list[FrozenTrial]:
    """Return trials of one parameter with these outcomes, numbered in order."""
    found = []
    for number, outcome in enumerate(outcomes):
        trial = create_trial(params={"width": 8}, distributions=WIDTH, **outcome)
        trial.number = number
        found.append(trial)
    return found


def of(outcome: dict[str, Any]) -> FrozenTrial:
    """Return one trial with an outcome."""
    return trials_of(outcome)[0]


def indexed(outcome: dict[str, Any], index: int) -> dict[str, Any]:
    """Return the outcome of a trial that stands for an older proposal."""
    return {**outcome, "user_attrs": {**outcome.get("user_attrs", {}), INDEX: index}}


@pytest.mark.parametrize(
    ("outcome", "is_counted"),
    [
        (MEASURED, True),
        (PRUNED, True),
        (FAILED, True),
        (DEADLY, True),
        (RUNNING, False),
        (KNOWN_BEFORE, False),
        (CUT_OFF, False),
        (GIVEN_UP, False),
    ],
)
def test_a_budget_counts_what_this_search_evaluated(
    outcome: dict[str, Any], is_counted: bool
) -> None:
    assert counts(of(outcome)) is is_counted
    assert counted([of(outcome)], reopened=0) == is_counted


@pytest.mark.parametrize(
    ("outcome", "closed", "opened"),
    [
        (MEASURED, True, False),
        (RUNNING, True, False),
        (PRUNED, True, False),
        (KNOWN_BEFORE, True, False),
        (FAILED, True, True),
        (DEADLY, True, False),
        (CUT_OFF, False, False),
        (GIVEN_UP, False, False),
    ],
)
def test_only_a_failed_evaluation_is_reopened(
    outcome: dict[str, Any], closed: bool, opened: bool
) -> None:
    trial = of(outcome)
    assert is_closed(trial, reopened=0) is closed
    assert can_be_reopened(trial) is is_open(trial, reopened=1) is opened
    assert is_closed(trial, reopened=1) is (closed and not opened)


def test_failures_that_came_later_stay_closed() -> None:
    first, second = trials_of(FAILED, FAILED)
    assert is_open(first, reopened=1)
    assert not is_open(second, reopened=1)
    assert counted([first, second], reopened=1) == 1


def test_an_index_is_taken_while_its_trial_may_still_count() -> None:
    assert is_taken(of(MEASURED), 0)
    assert is_taken(of(RUNNING), 0)
    assert is_taken(of(FAILED), 0)
    assert not is_taken(of(FAILED), 1)
    assert not is_taken(of(CUT_OFF), 0)


def test_a_known_failure_takes_no_index() -> None:
    known = {**FAILED, "user_attrs": {**ERROR.holding("x"), **KNOWN.holding("mark")}}
    assert has_failed(of(known))
    assert is_known(of(known))
    assert not is_taken(of(known), 0)


def test_one_proposal_that_was_stored_twice_counts_once() -> None:
    assert counted(trials_of(MEASURED, indexed(MEASURED, 0)), reopened=0) == 1
    assert counted(trials_of(MEASURED, MEASURED), reopened=0) == 2


def test_of_failures_that_were_tried_again_the_latest_is_left() -> None:
    assert [t.number for t in failures(trials_of(FAILED, FAILED, indexed(FAILED, 0)))] == [2, 1]
    assert failures(trials_of(FAILED, indexed(MEASURED, 0))) == []


def test_the_number_is_read_only_where_something_can_be_reopened() -> None:
    study = optuna.create_study()
    REOPENED.write(study, 5)
    assert reopened_below(study, trials_of(MEASURED, DEADLY)) == 0
    assert reopened_below(study, trials_of(MEASURED, FAILED)) == 5
    study.set_user_attr(REOPENED.key, "five")
    assert reopened_below(study, trials_of(FAILED)) == 0


def test_a_reopened_failure_is_not_evaluated() -> None:
    study = optuna.create_study()
    study.add_trials(trials_of(MEASURED, FAILED))
    assert evaluated(study) == 2
    REOPENED.write(study, 2)
    assert evaluated(study) == 1


# --- what is proposed again


def test_what_was_cut_off_is_given_up_until_it_is_tried_again() -> None:
    first = trials_of(MEASURED, CUT_OFF)
    assert [(p.index, p.params) for p in given_up(first)] == [(1, {"width": 8})]
    assert given_up(trials_of(MEASURED, CUT_OFF, indexed(RUNNING, 1))) == []
    assert [p.index for p in given_up(trials_of(MEASURED, CUT_OFF, indexed(CUT_OFF, 1)))] == [1]


def test_what_only_another_program_gave_up_is_not_proposed_again() -> None:
    assert given_up(trials_of(GIVEN_UP)) == []


def test_open_failures_are_given_up_too_in_the_order_of_their_indices() -> None:
    known = trials_of(FAILED, CUT_OFF, FAILED)
    assert [p.index for p in given_up(known)] == [1]
    assert [p.index for p in given_up(known, reopened=3)] == [0, 1, 2]


def test_an_offer_to_a_released_trial_is_given_up() -> None:
    offer = OFFER.holding({"index": 4, "params": {"width": 16}, "prediction": None})
    trial = create_trial(state=TrialState.FAIL, system_attrs={**offer, **RELEASED.holding(STOPPED)})
    assert [(p.index, p.params) for p in given_up([trial])] == [(4, {"width": 16})]


def test_the_next_index_is_above_all_that_were_made() -> None:
    assert next_index([]) == 0
    assert next_index(trials_of(MEASURED, CUT_OFF, indexed(MEASURED, 1))) == 2
    waiting = create_trial(state=TrialState.RUNNING)
    waiting.number = 7
    assert next_index([waiting]) == 0
    promised = create_trial(
        state=TrialState.RUNNING, system_attrs=OFFER.holding({"index": 3, "params": {}})
    )
    assert next_index([waiting, promised]) == 4


# --- deaths


def test_a_worker_died_of_a_proposal_only_if_it_had_one() -> None:
    before_it = create_trial(state=TrialState.FAIL, system_attrs=RELEASED.holding(DIED))
    with_one = create_trial(
        state=TrialState.FAIL,
        system_attrs={**RELEASED.holding(DIED), **PROPOSAL.holding({"width": 8})},
    )
    stopped = trials_of({**CUT_OFF, "system_attrs": RELEASED.holding(STOPPED)})
    assert deaths([before_it, with_one, *stopped]) == 1


def test_a_trial_is_deadly_if_it_counts_as_failed_because_of_its_workers() -> None:
    assert is_deadly(of(DEADLY))
    assert not is_deadly(of(CUT_OFF))
    assert not is_deadly(of(FAILED))
