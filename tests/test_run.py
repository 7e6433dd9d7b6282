"""Facts about a run: its settings, its study, and how it ends."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from bonas import Candidate, Search
from bonas.errors import EvaluationFailed, InvalidArgument, StorageUnavailable
from bonas.run import RunSettings, run
from bonas.spaces import CellSpace
from bonas.studies.records import BUDGET, SEED


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Return a value that follows from the network."""
    return {"accuracy": float(candidate.graph.labels.count("nor_conv_3x3"))}


def search(evaluation: Any = evaluate) -> Search:
    """Return a search over a small space, at random."""
    return Search(CellSpace(nodes=3), evaluation, {"accuracy": "maximize"}, surrogate="random")


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}"


def settings(storage: Any = None, budget: int | None = 3, **more: Any) -> RunSettings:
    """Return settings without a progress bar, and with a seed."""
    return RunSettings(storage=storage, budget=budget, progress=False, **{"seed": 1, **more})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 0}, "budget must be a whole number of at least 1, got 0"),
        ({"n_jobs": 0}, "n_jobs must be a whole number of at least 1, got 0"),
        ({"n_jobs": 1.5}, r"n_jobs must be a whole number of at least 1, got 1\.5"),
        ({"lease": 0}, "lease must be a positive number, got 0; give the seconds of silence"),
        ({"lease": "60"}, "lease must be a positive number, got '60'"),
        ({"callbacks": [print, 3]}, r"callbacks must be functions of \(study, trial\), got 3"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        RunSettings(**given)


def test_a_lease_may_be_endless() -> None:
    assert RunSettings(lease=math.inf).lease == math.inf


def test_one_worker_here_is_alone() -> None:
    assert RunSettings().alone
    assert not RunSettings(n_jobs=2).alone
    assert not RunSettings(executor=lambda: None).alone  # type: ignore[arg-type]  # never called


def test_without_a_budget_that_of_the_study_is_met(storage: str) -> None:
    run(search(), settings(storage, 3))
    assert len(run(search(), settings(storage, None)).candidates) == 3


def test_a_new_study_needs_a_budget(storage: str) -> None:
    with pytest.raises(
        InvalidArgument, match=r"study 'new' has no budget yet; .*budget=40, or --b"
    ):
        run(search(), settings(storage, None, study_name="new"))


def test_a_budget_that_shrinks_below_what_is_left_is_logged(
    storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = run(search(), settings(storage, 2)).study
    BUDGET.write(study, 9)
    with caplog.at_level(logging.WARNING, logger="bonas"):
        run(search(), settings(storage, 4))
    assert "the budget of the study changed from 9 to 4" in caplog.text
    assert BUDGET.read(study) == 4


def test_a_study_keeps_its_first_seed(storage: str) -> None:
    study = run(search(), settings(storage, 2, seed=5)).study
    run(search(), settings(storage, 3, seed=6))
    assert SEED.read(study) == 5


def test_a_stored_seed_that_is_none_is_replaced(
    storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = run(search(), settings(storage, 2, seed=5)).study
    study.set_user_attr(SEED.key, "lucky")
    run(search(), settings(storage, 3, seed=6))
    assert SEED.read(study) == 6
    assert "lucky" in caplog.text


def test_a_search_that_is_stopped_says_how_much_is_missing(
    storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        study.stop()

    result = run(search(), settings(storage, 4, callbacks=[stop]))
    assert len(result.candidates) == 1
    assert "3 evaluations of 4 are missing; the same call resumes it" in caplog.text


def test_an_interrupted_search_returns_its_result(caplog: pytest.LogCaptureFixture) -> None:
    def interrupted(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 2:
            raise KeyboardInterrupt
        return evaluate(candidate)

    result = run(search(interrupted), settings(budget=4))
    assert len(result.candidates) == 2
    assert "interrupted; the same call resumes the study" in caplog.text


def test_several_workers_without_a_storage_leave_the_study_in_memory() -> None:
    result = run(search(), settings(budget=4, n_jobs=2))
    assert len(result.candidates) == 4
    again = optuna.load_study(study_name=result.study.study_name, storage=result.study._storage)
    assert isinstance(again._storage, InMemoryStorage)
    assert sum(trial.state == TrialState.COMPLETE for trial in again.trials) == 4


def test_an_error_of_the_evaluation_brings_the_study() -> None:
    def failing(candidate: Candidate) -> dict[str, float]:
        if candidate.number < 2:
            return evaluate(candidate)
        raise OSError("the disk is full")

    with pytest.raises(EvaluationFailed, match="the disk is full") as caught:
        run(search(failing), settings(budget=9))
    assert [t.state.name for t in caught.value.study.trials].count("COMPLETE") == 2


class Broken(InMemoryStorage):
    """A storage of another library that fails in its own way once ``broken`` is set."""

    broken = False

    def set_trial_state_values(self, *given: Any, **more: Any) -> bool:
        """Fail if broken."""
        if self.broken:
            raise ArithmeticError("no route to the cloud")
        return super().set_trial_state_values(*given, **more)

    def get_all_trials(self, *given: Any, **more: Any) -> Any:
        """Fail if broken."""
        if self.broken:
            raise ArithmeticError("no route to the cloud")
        return super().get_all_trials(*given, **more)


@pytest.fixture
def broken() -> Broken:
    return Broken()


def test_an_error_of_a_foreign_storage_brings_the_rows_that_it_does_not_hold(
    broken: Broken,
) -> None:
    def breaking(candidate: Candidate) -> dict[str, float]:
        broken.broken = candidate.number == 2
        return evaluate(candidate)

    with pytest.raises(
        StorageUnavailable, match="ArithmeticError: no route to the cloud"
    ) as caught:
        run(search(breaking), settings(broken, 5))
    cause = caught.value.__cause__
    while isinstance(cause, StorageUnavailable):
        cause = cause.__cause__
    assert isinstance(cause, ArithmeticError)
    assert len(caught.value.rows) == 3
    assert all(values.keys() == {"accuracy"} for _, values in caught.value.rows)


def test_an_error_of_a_callback_is_left_as_it_is_where_all_is_stored(broken: Broken) -> None:
    def callback(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(search(), settings(broken, 5, callbacks=[callback]))
