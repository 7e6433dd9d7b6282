"""Facts about what of an evaluation's stream is stored, when, and what that costs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState
from small_searches import NAMES, SPACE, server_of, study_of

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Measurement, ShortTraining, partial_values
from bonas.evaluation.curve import MEASUREMENTS, measurements_of
from bonas.evaluation.record import Record
from bonas.studies.records import BUDGET
from bonas.studies.running.measurement_log import MeasurementLog
from bonas.studies.running.trials import release
from bonas.studies.running.worker import work

OBJECTIVES: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}


def training(candidate: Candidate) -> Iterator[Measurement]:
    """Yield the latency, and then three epochs."""
    yield Measurement({"latency": 1.0 + candidate.number})
    for step in (1, 2, 3):
        yield Measurement({"accuracy": 10.0 * step, "loss": 1.0 / step}, step=step)


def failing_at(step: int, error: Callable[[], BaseException]) -> Any:
    """Return an evaluation whose training ends after that epoch with an error."""

    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        for measurement in training(candidate):
            yield measurement
            if measurement.step == step:
                raise error()

    return evaluate


def search(evaluate: Any = training, budget: int = 2, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"objectives": OBJECTIVES, "surrogate": "random", **more}
    return bonas.optimize(SPACE, budget, evaluate=evaluate, seed=0, progress=False, **given)


def trials(found: bonas.SearchResult) -> list[FrozenTrial]:
    return found.study.get_trials(deepcopy=False)


WORKERS: dict[str, dict[str, Any]] = {"one": {}, "processes": {"n_jobs": 2}}


@pytest.mark.parametrize("kind", list(WORKERS))
def test_curves_are_kept_with_several_objectives(kind: str, tmp_path: Path) -> None:
    found = search(storage=str(tmp_path / "s.log"), **WORKERS[kind])
    for candidate in found.candidates:
        assert candidate.curves == ["accuracy", "loss"]
        assert candidate.curve("accuracy").values == (10.0, 20.0, 30.0)
        assert candidate.values["accuracy"] == 30.0
        assert candidate.trial.user_attrs.keys() & {"loss", *NAMES} == set()


def test_a_training_leaves_its_curves(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    found = search(ShortTraining(epochs=2, validate_every=1), objectives=None, storage=storage)
    again = search(ShortTraining(epochs=2, validate_every=1), objectives=None, storage=storage)
    for candidate in again.candidates:
        assert candidate.curves == ["train_loss", "train_accuracy", "accuracy"]
        curve = candidate.curve("accuracy")
        assert curve.steps == (1, 2)
        assert curve.values[-1] == candidate.values["accuracy"]
        assert 0 < curve.seconds[0] < curve.seconds[1]
    assert len(found.candidates) == 2


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ZeroDivisionError, TrialState.FAIL),
        (optuna.TrialPruned, TrialState.PRUNED),
    ],
)
def test_what_was_measured_before_the_end_is_kept(error: Any, state: TrialState) -> None:
    found = search(failing_at(2, error), budget=1)
    (trial,) = trials(found)
    assert trial.state == state
    accuracy, latency = partial_values(trial, NAMES)
    assert math.isnan(accuracy)
    assert latency == trial.user_attrs["latency"] == 1.0
    assert Candidate.of(SPACE, trial).curve("accuracy").values == (10.0, 20.0)
    assert "accuracy" not in trial.user_attrs


def test_the_good_values_of_a_mapping_that_fails_are_partial_values() -> None:
    found = search(lambda _: {"latency": 2.0, "accuracy": math.nan}, budget=1)
    (trial,) = trials(found)
    accuracy, latency = partial_values(trial, NAMES)
    assert math.isnan(accuracy)
    assert latency == 2.0


def test_an_objective_is_stored_before_the_next_one_is_measured(tmp_path: Path) -> None:
    """A process that dies in the training has lost nothing but the training."""
    storage = str(tmp_path / "s.log")

    def dies_once(candidate: Candidate) -> Iterator[Measurement]:
        yield Measurement({"latency": 4.0})
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os._exit(1)
        yield Measurement({"accuracy": 1.0})

    found = search(dies_once, storage=storage, n_jobs=2, budget=2)
    released = [trial for trial in trials(found) if trial.state == TrialState.FAIL]
    assert 4.0 in [partial_values(trial, NAMES)[1] for trial in released]
    assert len(found.candidates) == 2
    assert not found.failures


def test_an_interrupted_evaluation_begins_anew_without_old_measurements(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    interrupted = search(failing_at(2, KeyboardInterrupt), storage=storage)
    assert not interrupted.candidates
    found = search(storage=storage)
    lengths = [len(candidate.curve("accuracy")) for candidate in found.candidates]
    assert lengths == [3, 3]
    assert [candidate.number for candidate in found.candidates] == [0, 1]


def test_a_function_that_returns_a_mapping_costs_no_more_writes() -> None:
    found = search(lambda candidate: {"accuracy": 1.0, "latency": 2.0, "extra": 3.0})
    for trial in trials(found):
        assert not [key for key in trial.system_attrs if key.startswith(MEASUREMENTS)]
        assert trial.user_attrs["extra"] == 3.0


def test_a_rule_stops_an_evaluation_after_a_measurement() -> None:
    """The rule sees the study, the candidate and all that was measured of it."""
    ended = []

    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        try:
            yield from training(candidate)
            ended.append("to its end")
        finally:
            ended.append("closed")

    def rule(study: optuna.Study, candidate: Candidate, record: Record) -> str | None:
        assert study.trials[candidate.trial.number].state == TrialState.RUNNING
        last = record.measurements[-1]
        is_late = candidate.number == 1 and last.step == 2
        return f"accuracy of {last.values['accuracy']}" if is_late else None

    result = optimized(evaluate, rule, budget=3)
    assert result.pruned == [1]
    assert ended == ["to its end", "closed", "closed", "to its end", "closed"]
    trial = trials(result)[1]
    assert Candidate.of(SPACE, trial).curve("accuracy").values == (10.0, 20.0)
    assert partial_values(trial, NAMES)[1] == 2.0


def test_a_rule_that_stops_when_all_is_measured_leaves_a_complete_trial() -> None:
    def evaluate(candidate: Candidate) -> Iterator[Measurement]:
        yield Measurement({"latency": 1.0, "accuracy": 2.0})
        raise AssertionError("it was stopped")

    result = optimized(evaluate, lambda *_: "enough", budget=1)
    assert [candidate.values for candidate in result.candidates] == [
        {"accuracy": 2.0, "latency": 1.0}
    ]


def test_a_rule_must_be_callable() -> None:
    with pytest.raises(InvalidArgument, match=r"stopping must be a name .* got 3"):
        bonas.Search(SPACE, evaluate=training, stopping=3)  # type: ignore[arg-type]


def optimized(evaluate: Any, rule: Any, budget: int) -> bonas.SearchResult:
    """Run a search with a stopping rule, in this process."""
    search = bonas.Search(SPACE, evaluate, OBJECTIVES, surrogate="random", stopping=rule)
    study = study_of()
    BUDGET.write(study, budget)
    work(search, server_of(study))
    return bonas.SearchResult(study, SPACE, search.goals)


class Slow(InMemoryStorage):
    """A storage in which a write of measurements takes some seconds of a clock of its own."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.now, self.writes, self.is_broken = seconds, 0.0, 0, False

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if self.is_broken:
            raise OSError("the disk is gone")
        self.now += self.seconds
        self.writes += 1
        super().set_trial_system_attr(trial_id, key, value)

    def set_trial_intermediate_value(self, trial_id: int, step: int, value: float) -> None:
        self.now += self.seconds
        super().set_trial_intermediate_value(trial_id, step, value)


def logged(
    n_objectives: int = 2, seconds: float = 1.0
) -> tuple[Slow, Record, MeasurementLog, optuna.Study]:
    storage = Slow(seconds)
    study = optuna.create_study(storage=storage, directions=["maximize"] * n_objectives)
    record = Record(NAMES[:n_objectives])
    log = MeasurementLog(study, study.ask(), record, lambda: storage.now)
    return storage, record, log, study


def note(log: MeasurementLog, record: Record, values: Mapping[str, float], **more: Any) -> None:
    record.add(Measurement(values, **more))
    log.note()


def test_final_values_are_written_at_once_and_epochs_when_they_are_worth_it() -> None:
    """Each write takes a second, so the next one is affordable after a hundred per write."""
    storage, record, log, study = logged()
    note(log, record, {"accuracy": 1.0}, step=1)
    assert storage.writes == 0
    note(log, record, {"latency": 3.0})
    assert storage.writes == 1
    for step in range(2, 12):
        storage.now += 50.0
        note(log, record, {"accuracy": float(step)}, step=step)
    assert storage.writes == 1 + 4
    (trial,) = study.get_trials()
    stored = measurements_of(trial)
    assert len(stored) >= 9
    assert stored == tuple(record.measurements[: len(stored)])


def test_nothing_is_written_when_the_trial_is_about_to_be_stored() -> None:
    storage, record, log, _ = logged()
    note(log, record, {"accuracy": 1.0, "latency": 3.0})
    assert storage.writes == 0


def test_a_storage_that_fails_ends_the_log_and_not_the_evaluation() -> None:
    storage, record, log, study = logged()
    storage.is_broken = True
    note(log, record, {"latency": 3.0})
    storage.is_broken = False
    note(log, record, {"accuracy": 3.0}, step=1)
    log.close()
    assert storage.writes == 0
    assert measurements_of(study.get_trials()[0]) == ()
    assert len(log.curves()) == 1  # and it is stored with the trial


def test_points_of_a_single_objective_are_reported_to_optuna_as_far_as_affordable() -> None:
    storage, record, log, study = logged(1)
    for step in range(1, 11):
        storage.now += 100.0
        note(log, record, {"accuracy": float(step)}, step=step)
    log.close()
    reported = study.get_trials()[0].intermediate_values
    assert 4 <= len(reported) <= 6
    assert all(step == value for step, value in reported.items())
    assert storage.now <= 1_000 * 1.02


def test_a_fast_storage_gets_all_points_and_none_that_the_user_has_reported() -> None:
    storage, record, log, study = logged(1, seconds=0.0)
    log.trial.report(7.0, step=1)
    for step in (1, 2, 3):
        storage.now += 10.0
        note(log, record, {"accuracy": 10.0 * step}, step=step)
    assert study.get_trials()[0].intermediate_values == {1: 7.0, 2: 20.0, 3: 30.0}
    assert log.curves() == study.get_trials()[0].system_attrs


def test_a_trial_that_was_released_meanwhile_keeps_its_curve_in_the_new_one() -> None:
    def taken_over(candidate: Candidate) -> Iterator[Measurement]:
        yield from training(candidate)
        if candidate.trial.number == 0:
            assert isinstance(candidate.trial, optuna.Trial)
            study = candidate.trial.study
            release(study, study.get_trials(deepcopy=False)[0], "its worker seemed dead")

    found = search(taken_over, budget=1)
    (candidate,) = found.candidates
    assert candidate.trial.number == 1
    assert len(candidate.curve("accuracy")) == 3
