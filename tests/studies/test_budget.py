"""Facts about budgets: how they are given, what they count, and when an evaluation begins."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.errors import InvalidArgument
from bonas.studies.budget import Budget, budget_of, full_evaluations, seconds_of
from bonas.studies.records import BUDGET, ERROR, KNOWN, RELEASED, SECONDS, STOPPED_EARLY

DONE: dict[str, Any] = {"value": 1.0}
FAILED: dict[str, Any] = {"state": TrialState.FAIL, "user_attrs": ERROR.holding("Traceback")}
PRUNED: dict[str, Any] = {"state": TrialState.PRUNED}
KNOWN_BEFORE: dict[str, Any] = {"value": 1.0, "user_attrs": KNOWN.holding("mark")}
CUT_OFF: dict[str, Any] = {"state": TrialState.FAIL, "system_attrs": RELEASED.holding("died")}


def stopped(fidelity: object) -> dict[str, Any]:
    """Return a trial that a rule has stopped."""
    attributes = STOPPED_EARLY.holding({"reason": "place 3 of 4", "fidelity": fidelity})
    return {"state": TrialState.PRUNED, "user_attrs": attributes}


def trials(*kinds: dict[str, Any], seconds: float = 10.0) -> list[FrozenTrial]:
    """Return trials of these kinds, each of which took so long."""
    found = []
    for number, kind in enumerate(kinds):
        trial = create_trial(**kind)
        trial.number = number
        trial.datetime_start = datetime(2026, 1, 1)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=seconds)
        found.append(trial)
    return found


@pytest.mark.parametrize(
    ("given", "amount", "unit"),
    [
        (40, 40, "evaluations"),
        ("4h", 14_400, "seconds"),
        ("90min", 5_400, "seconds"),
        ("30s", 30, "seconds"),
        ("1h 30min", 5_400, "seconds"),
        ("0.5 h", 1_800, "seconds"),
        (" 2 d ", 172_800, "seconds"),
        (timedelta(minutes=2), 120, "seconds"),
    ],
)
def test_a_budget_is_a_number_or_a_time(given: Any, amount: float, unit: str) -> None:
    budget = Budget.given(given)
    assert (budget.amount, budget.unit) == (amount, unit)
    study = optuna.create_study()
    assert not budget_of(study)
    budget.write(study)
    assert budget_of(study) == budget


@pytest.mark.parametrize(
    "given",
    [0, -1, 2.5, True, None, "", "40", "4 hours", "h", "-1h", "1h and 2min", "0s", timedelta(0)],
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="budget"):
        Budget.given(given)


def test_the_budget_of_an_older_study_is_a_whole_number() -> None:
    study = optuna.create_study()
    study.set_user_attr("bonas:budget", 12)
    assert budget_of(study) == Budget(12)
    BUDGET.write(study, 0)
    assert budget_of(study).is_used([], 0)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([DONE, FAILED, PRUNED], 3.0),
        ([DONE, stopped(0.1), stopped(0.25)], 1.35),
        ([KNOWN_BEFORE, CUT_OFF, {"state": TrialState.RUNNING}], 0.0),
        ([stopped(None), stopped("half"), stopped(7.0), stopped(0)], 4.0),
    ],
)
def test_what_a_rule_stopped_counts_its_share(kinds: Any, expected: float) -> None:
    assert full_evaluations(trials(*kinds), 0) == pytest.approx(expected)


def test_a_trial_begins_only_if_a_full_evaluation_fits() -> None:
    """By hand: 1 + 0.1 + 0.1 of 4 are spent, so two may run, and a third would be 4.2."""
    known, budget = trials(DONE, stopped(0.1), stopped(0.1)), Budget(4)
    assert [budget.has_room(known, 0, running) for running in range(4)] == [True] * 2 + [False] * 2
    assert not budget.is_used(known, 0)
    assert budget.left(known, 0) == 2
    used = trials(DONE, stopped(0.1), stopped(0.1), DONE, DONE)
    assert budget.is_used(used, 0)
    assert budget.left(used, 0) == 0


def test_ten_tenths_are_one_whatever_the_rounding() -> None:
    known = trials(*[stopped(0.1)] * 10)
    assert Budget(2).has_room(known, 0, 0)
    assert Budget(2).left(known, 0) == 1


def test_time_is_summed_over_trials_and_each_running_one_takes_the_mean() -> None:
    """By hand: 40 s are spent, a running trial takes 10 s, so of 61 s two may run beside it."""
    known, budget = (
        trials(DONE, FAILED, stopped(0.1), PRUNED, KNOWN_BEFORE, CUT_OFF),
        Budget(61.0, "seconds"),
    )
    assert budget.spent(known, 0) == 40.0
    assert [budget.has_room(known, 0, running) for running in range(4)] == [True] * 3 + [False]
    assert budget.left(known, 0) == 3
    assert Budget(40.0, "seconds").is_used(known, 0)
    assert not Budget(40.5, "seconds").is_used(known, 0)


def test_a_copy_took_as_long_as_its_original() -> None:
    (copy,) = trials({**DONE, "system_attrs": SECONDS.holding(99.0)}, seconds=0.0)
    assert seconds_of(copy) == 99.0
    (strange,) = trials({**DONE, "system_attrs": {SECONDS.key: "long"}})
    assert seconds_of(strange) == 10.0


def test_a_clock_set_back_takes_no_time() -> None:
    (trial,) = trials(DONE, seconds=-3600.0)
    assert seconds_of(trial) == 0.0


def test_budgets_are_shown_as_people_say_them() -> None:
    shown = [str(Budget.given(x)) for x in (40, "30s", "90min", "4h", "10h", "3d")]
    assert shown == ["40", "30 s", "90 min", "4 h", "10 h", "3 d"]


@given(
    st.lists(st.tuples(st.sampled_from(["begin", "check", "stop", "finish"]), st.integers(0, 9))),
    st.integers(1, 4),
)
def test_under_any_interleaving_no_more_than_the_budget_is_begun(
    events: list[tuple[str, int]], most: int
) -> None:
    """A worker creates a trial, sees those before it at any later moment, and goes on or not.

    Each trial under way counts as a full evaluation, since no rule may stop it.
    """
    known: list[FrozenTrial] = []
    begun: set[int] = set()
    budget = Budget(most)
    for what, which in events:
        waiting = [t for t in known if t.state == TrialState.RUNNING and t.number not in begun]
        under_way = [known[i] for i in sorted(begun) if known[i].state == TrialState.RUNNING]
        if what == "begin":
            known.append(create_trial(state=TrialState.RUNNING))
            known[-1].number = len(known) - 1
        elif what == "check" and waiting:
            own = waiting[which % len(waiting)]
            before = known[: own.number]
            if budget.has_room(before, 0, sum(t.state == TrialState.RUNNING for t in before)):
                begun.add(own.number)
            else:
                own.state = TrialState.FAIL
                own.system_attrs = RELEASED.holding("the budget was used")
        elif what == "finish" and under_way:
            under_way[which % len(under_way)].state = TrialState.PRUNED
        elif what == "stop" and under_way:
            own = under_way[which % len(under_way)]
            own.state, own.user_attrs = TrialState.PRUNED, stopped(0.1 * (which or 1))["user_attrs"]
        running = sum(known[i].state == TrialState.RUNNING for i in begun)
        assert full_evaluations(known, 0) + running <= most + 1e-6
