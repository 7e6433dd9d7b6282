"""Facts about searches with a stopping rule: what is stored, counted, resumed and shared."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from small_searches import SPACE

import bonas
from bonas.evaluation import (
    Candidate,
    Measurement,
    ParameterCount,
    ShortTraining,
    partial_values,
)
from bonas.evaluation import evaluator as evaluators
from bonas.evaluation import record as records_of_evaluations
from bonas.spaces import MLPSpace
from bonas.studies import SuccessiveHalving
from bonas.studies.budget import full_evaluations
from bonas.studies.records import RELEASED, STOPPED_EARLY
from bonas.studies.running import early_stopping
from bonas.studies.stopping.rivals import decisions_of
from bonas.studies.stopping.rule import Decision

OBJECTIVES: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}
EPOCHS = 10


@pytest.fixture(autouse=True)
def _log_again() -> None:
    """Let each test see what is logged once per process."""
    early_stopping._log_raised.cache_clear()
    early_stopping._log_blind.cache_clear()
    evaluators._log_unended.cache_clear()
    records_of_evaluations._log_backwards.cache_clear()


def worth(candidate: Candidate) -> float:
    """A number in [0, 100) that follows from the network."""
    return (hash_of(candidate) % 1000) / 10


def hash_of(candidate: Candidate) -> int:
    return crc32(repr(sorted(candidate.choices.items())).encode())


def training(candidate: Candidate) -> Iterator[Measurement]:
    """Yield the latency, worst for bad networks, then ten epochs in the order of the last one."""
    yield Measurement({"latency": 101.0 - worth(candidate) + hash_of(candidate) % 7})
    for epoch in range(1, EPOCHS + 1):
        value = worth(candidate) * epoch / EPOCHS
        yield Measurement({"accuracy": value}, epoch, fidelity=epoch / EPOCHS)


def search(budget: Any, evaluate: Any = training, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"objectives": OBJECTIVES, "stopping": "halving", **more}
    return bonas.optimize(
        SPACE, budget, evaluate=evaluate, surrogate="random", seed=0, progress=False, **given
    )


def trials(found: bonas.SearchResult) -> list[FrozenTrial]:
    return found.study.get_trials(deepcopy=False)


def spent(found: bonas.SearchResult) -> float:
    return full_evaluations(trials(found), 0)


def told(found: bonas.SearchResult) -> list[Any]:
    """Return, per proposal, how it ended and what was decided, without the released trials."""
    return [
        (t.state, t.params, t.values, STOPPED_EARLY.read(t), decisions_of(t))
        for t in trials(found)
        if not RELEASED.is_in(t)
    ]


def test_a_stopped_trial_is_pruned_with_what_it_measured() -> None:
    found = search(6)
    assert found.stopped
    assert 5 < spent(found) <= 6
    assert (found.missing, found.failures) == (0, {})
    assert len(trials(found)) > 6
    for number, stop in found.stopped.items():
        trial = trials(found)[number]
        assert trial.state == TrialState.PRUNED
        assert (stop.fidelity, stop.step) in ((0.1, 1), (0.3, 3))
        assert stop.values == {"latency": partial_values(trial, ["latency"])[0]}
        curve = Candidate.of(SPACE, trial).curve("accuracy")
        assert curve.steps == tuple(range(1, stop.step + 1))
        assert decisions_of(trial)[-1].stops
        assert decisions_of(trial)[-1].reason == stop.reason
    assert len(found.candidates) + len(found.stopped) == len(trials(found))
    assert f"{len(found.stopped)} stopped early, which saved" in str(found)
    assert "pruned" not in str(found)


def test_what_was_stopped_is_not_proposed_again(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    search(4, storage=storage)
    found = search(8, storage=storage)
    keys = [SPACE.architecture(trial.params).key for trial in trials(found)]
    assert len(keys) == len({*keys})
    assert 7 < spent(found) <= 8


def test_each_rung_is_decided_once_and_stored_with_the_curve() -> None:
    found = search(6)
    for trial in trials(found):
        rungs = [decision.rung for decision in decisions_of(trial)]
        assert rungs == [0.1, 0.3][: len(rungs)]
        if trial.state == TrialState.COMPLETE:
            assert rungs == [0.1, 0.3]


def test_the_evaluation_is_told_where_the_rule_looks() -> None:
    heard = []

    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        heard.append(candidate.rungs)
        yield from training(candidate)

    search(1, evaluate, stopping=SuccessiveHalving(rungs=(3, 5)))
    search(1, evaluate, stopping=None)
    assert heard == [(3, 5), ()]


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_two_workers_begin_no_more_than_the_budget(kind: str, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}" if kind == "sqlite" else str(tmp_path / "s.log")
    found = search(7, storage=storage, n_jobs=2)
    assert 6 < spent(found) <= 7
    assert found.stopped
    assert not found.failures
    most = max(sum(_runs_at(t, other) for t in trials(found)) for other in trials(found))
    assert most <= 2
    again = search(7, storage=storage)
    assert len(trials(again)) == len(trials(found))


def _runs_at(trial: FrozenTrial, other: FrozenTrial) -> bool:
    """Return whether a trial was evaluated when another one began."""
    assert trial.datetime_start is not None
    assert trial.datetime_complete is not None
    assert other.datetime_start is not None
    return trial.datetime_start <= other.datetime_start < trial.datetime_complete


def test_a_worker_that_is_killed_after_a_decision_is_followed_by_one_that_decides_alike(
    tmp_path: Path,
) -> None:
    """It dies between the decision to stop and the pruning, or an epoch later."""

    def dying(candidate: Candidate) -> Iterator[Measurement]:
        mark = tmp_path / str(candidate.number)
        stream = training(candidate)
        try:
            for measurement in stream:
                yield measurement
                if measurement.step == 2 and not mark.exists():
                    mark.touch()
                    os._exit(1)
        finally:
            if not mark.exists():
                mark.touch()
                os._exit(1)

    storage = str(tmp_path / "s.log")
    found = search(4, dying, storage=storage, n_jobs=2)
    assert 3 < spent(found) <= 4
    assert not found.failures
    dead = {t.number: t for t in trials(found) if RELEASED.is_in(t)}
    alive = {c.number for c in found.candidates}
    assert len(dead) >= 4
    for trial in trials(found):
        if trial.number in dead:
            continue
        index = Candidate.of(SPACE, trial).number
        before = [t for t in dead.values() if Candidate.of(SPACE, t).number == index]
        for other in before:
            own = decisions_of(trial)
            assert own[: len(decisions_of(other))] == decisions_of(other)
    assert alive


def test_a_search_that_was_interrupted_decides_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = search(5)
    interrupted = set()

    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        for measurement in training(candidate):
            yield measurement
            if measurement.step == 2 and candidate.number not in interrupted:
                interrupted.add(candidate.number)
                raise KeyboardInterrupt

    storage = str(tmp_path / "s.log")
    for _ in range(20):
        found = search(5, evaluate, storage=storage)
        if not found.missing:
            break
    assert told(found) == told(whole)
    assert len(trials(found)) > len(trials(whole))


def test_a_rule_that_raises_stops_nothing_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def rule(study: optuna.Study, candidate: Candidate, record: Any) -> None:
        raise ZeroDivisionError("no rivals")

    with caplog.at_level(logging.WARNING):
        found = search(2, stopping=rule)
    assert len(found.candidates) == 2
    logged = [r.message for r in caplog.records if "the stopping rule" in r.message]
    assert len(logged) == 1
    assert "rule raised ZeroDivisionError('no rivals'); the evaluation goes on" in logged[0]


def whole_function(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": 1.0, "latency": 2.0}


def latency_last(candidate: Candidate) -> Iterator[Measurement]:
    for epoch in (1, 2, 3):
        yield Measurement({"accuracy": float(epoch)}, epoch, fidelity=epoch / 3)
    yield Measurement({"latency": 2.0})


def without_fidelity(candidate: Candidate) -> Iterator[Measurement]:
    yield Measurement({"latency": 2.0})
    for epoch in (1, 2, 3):
        yield Measurement({"accuracy": float(epoch)}, epoch)


@pytest.mark.parametrize(
    ("evaluate", "why"),
    [
        (whole_function, "yielded no learning curve; let it be a generator"),
        (latency_last, "Yield what is cheap before the training"),
        (without_fidelity, "with their fidelity"),
    ],
)
def test_a_rule_without_a_curve_to_read_is_logged_once(
    evaluate: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = search(6, evaluate)
    assert len(found.candidates) == 6
    logged = [r.message for r in caplog.records if "stopped nothing" in r.message]
    assert len(logged) == 1
    assert why in logged[0]


def test_a_rule_of_ones_own_may_return_a_reason_or_a_decision() -> None:
    def rule(study: optuna.Study, candidate: Candidate, record: Any) -> Any:
        step = record.measurements[-1].step
        if step == 1:
            return Decision(False, "not yet", compared={"step": 1})
        return "late" if step == 2 and candidate.number == 1 else None

    found = search(2, stopping=rule)
    assert {n: (s.reason, s.fidelity) for n, s in found.stopped.items()} == {1: ("late", 0.2)}
    decisions = decisions_of(trials(found)[1])
    assert [(d.rule, d.stops, d.step, d.fidelity) for d in decisions] == [
        ("rule", False, 1, 0.1),
        ("rule", True, 2, 0.2),
    ]


def test_without_fidelities_a_stopped_trial_counts_its_share_of_the_longest() -> None:
    """By hand: three epochs are a whole evaluation, so one of them is a third."""

    def rule(study: optuna.Study, candidate: Candidate, record: Any) -> str | None:
        is_first = record.measurements[-1].step == 1
        return "enough" if is_first and candidate.number in (1, 2, 3) else None

    found = search(3, without_fidelity, stopping=rule)
    assert [stop.fidelity for stop in found.stopped.values()] == [pytest.approx(1 / 3)] * 3
    assert len(found.candidates) == 2


def after_an_epoch(study: optuna.Study, candidate: Candidate, record: Any) -> str | None:
    return "enough" if record.measurements[-1].step else None


def stubborn(candidate: Candidate) -> Iterator[Measurement]:
    """Go on once after it was ended."""
    yield Measurement({"latency": 1.0})
    try:
        for epoch in range(1, 11):
            yield Measurement({"accuracy": 1.0}, epoch, fidelity=epoch / 10)
    except GeneratorExit:
        yield Measurement({"accuracy": 2.0}, 11)


def test_an_evaluation_that_goes_on_after_it_was_stopped_is_pruned_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = search(1, stubborn, stopping=after_an_epoch)
    assert not found.failures
    assert found.stopped
    logged = [r.message for r in caplog.records if "went on after it was ended" in r.message]
    assert len(logged) == 1


def test_steps_that_go_back_are_logged_once_and_lose_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        yield Measurement({"latency": 1.0})
        for step in (3, 2, 1, 4):
            yield Measurement({"accuracy": float(step)}, step, fidelity=step / 4)

    with caplog.at_level(logging.WARNING):
        found = search(2, evaluate)
    assert [c.curve("accuracy").values for c in found.candidates] == [(1.0, 2.0, 3.0, 4.0)] * 2
    assert len([r for r in caplog.records if "to increase, got 2 after 3" in r.message]) == 1


def sleeping(candidate: Candidate) -> dict[str, float]:
    time.sleep(0.05)
    return {"accuracy": 1.0, "latency": 1.0}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_budget_of_time_is_summed_over_sessions(workers: int, tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    more: dict[str, Any] = {"storage": storage, "stopping": None, "n_jobs": workers}
    found = search("0.4s", sleeping, **more)
    first = len(found.candidates)
    assert 1 <= first <= 8
    assert found.missing == 0
    assert len(search("0.4s", sleeping, **more).candidates) == first
    assert len(search("0.8s", sleeping, **more).candidates) > first
    assert len(search(first + 20, sleeping, **more).candidates) == first + 20


def test_trainings_are_judged_by_their_training_accuracy_and_scored_at_the_rungs() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    training = ShortTraining((X, (X[:, 0] > 0).astype(int)), epochs=10, validate_every=0)
    found = bonas.optimize(
        MLPSpace(4, 2, depths=(1, 2), widths=(2, 4, 8)),
        5,
        evaluate=[training, ParameterCount()],
        surrogate="random",
        stopping="halving",
        seed=0,
        progress=False,
    )
    assert found.stopped
    for trial in trials(found):
        first = decisions_of(trial)[0]
        assert first.compared["curves"] == {"accuracy": "train_accuracy"}
        curves = Candidate.of(found.space, trial)
        assert curves.curve("train_accuracy").steps[0] == curves.curve("accuracy").steps[0] == 1
        assert len(curves.curve("accuracy")) <= 3
