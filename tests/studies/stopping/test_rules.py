"""Facts about the stopping rules: whom they stop, from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from candidates import OneNetwork
from optuna.trial import TrialState, create_trial
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Measurement
from bonas.evaluation.candidate import INDEX
from bonas.evaluation.curve import packed
from bonas.evaluation.record import Record
from bonas.studies import STOPPING_RULES, Combined, Decision, MedianRule, SuccessiveHalving
from bonas.studies.records import ERROR, RELEASED, SEED
from bonas.studies.stopping.named import as_rule
from bonas.studies.stopping.rivals import DECISION, decisions_of
from bonas.studies.stopping.rung_rule import RungRule, Verdict

SPACE = OneNetwork(nn.Identity)
WAYS = {"accuracy": "maximize", "latency": "minimize"}
RELEASED_TRIAL: dict[str, Any] = {"system_attrs": RELEASED.holding("its worker died")}


def study_of(*names: str) -> optuna.Study:
    found = optuna.create_study(directions=[WAYS[name] for name in names])
    SEED.write(found, 0)
    return found


def measured(accuracy: float, latency: float | None = None) -> list[Measurement]:
    """Return the stream of a training until its second of ten epochs."""
    first = [] if latency is None else [Measurement({"latency": latency})]
    points = [Measurement({"accuracy": accuracy * i / 2}, i, fidelity=i / 10) for i in (1, 2)]
    return [*first, *points]


def add(
    study: optuna.Study,
    stream: Sequence[Any],
    state: TrialState = TrialState.RUNNING,
    **more: Any,
) -> None:
    """Add a trial that stores a stream."""
    attributes = {**packed(stream), **more.pop("system_attrs", {})}
    study.add_trial(create_trial(state=state, system_attrs=attributes, **more))


def at_rung(
    study: optuna.Study, rule: Any, accuracy: float, latency: float | None = None, **attrs: Any
) -> Decision | None:
    """Return what a rule decides for a new trial at its second epoch."""
    trial = study.ask()
    for key, value in attrs.items():
        trial.set_user_attr(INDEX if key == "index" else key, value)
    names = ["accuracy"] if latency is None else ["accuracy", "latency"]
    record, said = Record(names), None
    for measurement in measured(accuracy, latency):
        record.add(measurement)
        said = rule(study, Candidate(SPACE, {}, trial), record)
        assert said is None or measurement.step == 2
    return said


def halving(**more: Any) -> SuccessiveHalving:
    return SuccessiveHalving(**{"rungs": (0.2,), "unstopped": 0.0, **more})


def decided(found: Decision | None) -> bool:
    assert found is not None
    return found.stops


def test_half_of_those_at_a_rung_go_on() -> None:
    """By hand: of 10, 20, 30 and one more, two go on."""
    for accuracy, stops in ((5.0, True), (15.0, True), (25.0, False), (35.0, False)):
        study = study_of("accuracy")
        for other in (10.0, 20.0, 30.0):
            add(study, measured(other))
        found = at_rung(study, halving(), accuracy)
        assert found is not None
        assert found.stops == stops
        assert (found.rung, found.step, found.fidelity) == (0.2, 2, 0.2)
        assert found.compared["values"] == {"accuracy": accuracy}
        assert found.compared["rivals"] == 3


def test_the_first_trials_at_a_rung_are_not_stopped() -> None:
    study = study_of("accuracy")
    for other in (20.0, 30.0):
        add(study, measured(other))
    assert not decided(at_rung(study, halving(), 1.0))
    assert decided(at_rung(study, halving(least=3), 1.0))


def test_a_cheap_network_is_kept_and_one_that_is_dominated_is_not() -> None:
    study = study_of("accuracy", "latency")
    for accuracy, latency in ((90.0, 9.0), (80.0, 8.0), (70.0, 7.0), (60.0, 8.0), (50.0, 9.0)):
        add(study, measured(accuracy, latency))
    assert not decided(at_rung(study, halving(), 10.0, 1.0))
    assert decided(at_rung(study, halving(), 55.0, 8.5))


@pytest.mark.parametrize(
    ("state", "more", "counts"),
    [
        (TrialState.RUNNING, {}, True),
        (TrialState.COMPLETE, {"values": [99.0]}, True),
        (TrialState.PRUNED, {}, True),
        (TrialState.FAIL, RELEASED_TRIAL, True),
        (TrialState.FAIL, {"user_attrs": ERROR.holding("Traceback")}, False),
    ],
)
def test_every_value_at_the_rung_counts_that_was_not_followed_by_a_failure(
    state: TrialState, more: Any, counts: bool
) -> None:
    """A complete trial counts with its value at the rung, not with its final one."""
    study = study_of("accuracy")
    for other in (10.0, 20.0, 30.0):
        add(study, measured(other), state, **more)
    found = at_rung(study, halving(), 25.0)
    assert found is not None
    assert not found.stops
    assert found.compared["rivals"] == 3 * counts


def test_a_proposal_that_was_cut_off_is_no_rival_of_itself_and_counts_once() -> None:
    study = study_of("accuracy")
    for index in (0, 0, 0, 7):
        user = {INDEX: index}
        add(study, measured(50.0), TrialState.FAIL, user_attrs=user, **RELEASED_TRIAL)
    found = at_rung(study, halving(), 1.0, index=7)
    assert found is not None
    assert found.compared["rivals"] == 1


def test_what_was_decided_before_a_trial_was_cut_off_is_decided_again() -> None:
    study = study_of("accuracy")
    before = Decision(True, "as it was", "halving", 0.2, 2, 0.2, compared={"place": 3})
    stream = [*measured(99.0), {DECISION: before.stored()}]
    add(study, stream, TrialState.FAIL, **RELEASED_TRIAL)
    assert decisions_of(study.trials[0]) == [before]
    assert at_rung(study, halving(), 99.0, index=0) == before
    assert not decided(at_rung(study, halving(rungs=(0.15,)), 99.0, index=0))
    assert not decided(at_rung(study, halving(), 99.0))


def test_one_of_ten_goes_on_and_which_one_follows_from_the_seed_and_the_index() -> None:
    def spared(seed: int) -> list[int]:
        study = study_of("accuracy")
        SEED.write(study, seed)
        for other in (10.0, 20.0, 30.0):
            add(study, measured(other))
        rule, found = halving(unstopped=0.1), []
        for index in range(10, 310):
            said = at_rung(study, rule, 1.0, index=index)
            assert said is not None
            assert said.stops != said.unstopped
            if said.unstopped:
                found.append(index)
        return found

    first = spared(1)
    assert first == spared(1) != spared(2)
    assert 300 * 0.1 - 5 * 5.2 < len(first) < 300 * 0.1 + 5 * 5.2  # sd 5.2 of a binomial


def test_the_median_rule_stops_the_worse_half() -> None:
    """By hand: with 10, ..., 50 and itself the counts of dominating trials are 0 to 5."""
    for accuracy, stops in ((35.0, False), (25.0, True), (5.0, True)):
        study = study_of("accuracy")
        for other in (10.0, 20.0, 30.0, 40.0, 50.0):
            add(study, measured(other))
        rule = MedianRule(rungs=(0.2,), unstopped=0.0)
        assert decided(at_rung(study, rule, accuracy)) == stops


def test_the_median_rule_keeps_what_no_one_dominates() -> None:
    study = study_of("accuracy", "latency")
    for i in range(1, 6):
        add(study, measured(10.0 * i, 1.0 * i))
        add(study, measured(10.0 * i, 2.0 * i))
    rule = MedianRule(rungs=(0.2,), unstopped=0.0)
    assert not decided(at_rung(study, rule, 1.0, 0.5))
    assert decided(at_rung(study, rule, 9.0, 11.0))


class Fixed(RungRule):
    """A rule that always says the same."""

    name = "fixed"

    def verdict(self, *_: Any) -> Verdict:
        return Verdict(True, "always", {"chance": 0.01})


def test_the_combined_rule_asks_the_second_one_when_enough_have_finished() -> None:
    rule = Combined(halving(), Fixed(rungs=(0.2, 0.5)), 4, unstopped=0.0)
    assert rule.rungs == (0.2, 0.5)
    study = study_of("accuracy")
    for other in (10.0, 20.0, 30.0):
        add(study, measured(other), TrialState.COMPLETE, values=[other])
    add(study, [], TrialState.COMPLETE, values=[1.0])  # without a curve
    found = at_rung(study, rule, 90.0)
    assert found is not None
    assert (found.stops, found.compared["by"]) == (False, "halving")
    add(study, measured(40.0), TrialState.COMPLETE, values=[1.0])
    found = at_rung(study, rule, 90.0)
    assert found is not None
    assert (found.stops, found.compared["by"], found.reason) == (True, "fixed", "always")
    assert found.rule == "default"


def test_a_rule_decides_at_its_own_rungs_only() -> None:
    rule = Combined(Fixed(rungs=(0.5,)), Fixed(rungs=(0.2,)), unstopped=0.0)
    study = study_of("accuracy")
    found = at_rung(study, rule, 90.0)
    assert found is not None
    assert (found.rung, found.stops, found.reason) == (0.2, False, "no rung of the rule fixed")


def test_a_leap_over_two_rungs_is_one_decision_at_the_higher_one() -> None:
    rule, study = halving(rungs=(0.1, 0.3)), study_of("accuracy")
    record, candidate = Record(["accuracy"]), Candidate(SPACE, {}, study.ask())
    said = []
    for step in (4, 5, 6, 10):
        record.add(Measurement({"accuracy": 1.0}, step, fidelity=step / 10))
        said.append(rule(study, candidate, record))
    assert [found and found.rung for found in said] == [0.3, None, None, None]


def test_a_decision_survives_its_storage() -> None:
    full = Decision(False, "why", "halving", 0.1, 3, 0.15, True, {"place": 3})
    for decision in (full, Decision(True, "why"), Decision(True, "why", rung=3, step=3)):
        assert Decision.parsed(decision.stored()) == decision


@pytest.mark.parametrize(
    "found", [{}, {"stops": 1, "reason": "a"}, {"stops": True, "reason": "a", "fidelity": 2.0}]
)
def test_what_is_no_decision_is_left_out(found: Any) -> None:
    assert Decision.parsed(found) is None


def test_rules_have_names() -> None:
    assert as_rule(None) is as_rule(False) is None
    assert as_rule(True) == as_rule("default")
    assert isinstance(as_rule("halving"), SuccessiveHalving)
    for name in STOPPING_RULES:
        rule = as_rule(name)
        assert isinstance(rule, RungRule)
        assert rule.name == name
    own = halving()
    assert as_rule(own) is own


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: as_rule("halfing"), "unknown stopping rule 'halfing'; expected one of 'default'"),
        (lambda: as_rule(SuccessiveHalving), "stopping must be a name"),
        (lambda: SuccessiveHalving(eta=1), "eta must be a number above 1, got 1"),
        (lambda: SuccessiveHalving(least=1), "least must be a whole number of at least 2"),
        (lambda: SuccessiveHalving(unstopped=1.0), r"unstopped must be a number in \[0, 1\)"),
        (lambda: SuccessiveHalving(by_training="yes"), "by_training must be True or False"),  # type: ignore[arg-type]  # that is the point
        (lambda: MedianRule(least=0), "least must be a whole number of at least 1"),
        (lambda: Combined(first=None), "expected rules such as"),  # type: ignore[arg-type]  # that is the point
    ],
)
def test_bad_arguments_are_explained(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make()
