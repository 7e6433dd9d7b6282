"""The loop of one worker: when it evaluates, waits, gives up and ends."""

from __future__ import annotations

import logging
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from small_searches import SPACE, cheap, running, server_of, study_of

import bonas
from bonas.errors import EvaluationFailed, StorageUnavailable
from bonas.evaluation import Candidate
from bonas.optuna_internals import is_stopped
from bonas.spaces import CellSpace
from bonas.studies.lease import Worker
from bonas.studies.outcomes import evaluated
from bonas.studies.records import BUDGET, DIED, ERROR, RELEASED, STOPPED, are_stopped
from bonas.studies.running import turns, worker
from bonas.studies.running.interrupts import Terminated
from bonas.studies.running.ledger import Entry, Ledger
from bonas.studies.running.worker import work

OBJECTIVES: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}


def search_of(evaluate: Any = cheap) -> bonas.Search:
    """Return a search with random proposals."""
    return bonas.Search(SPACE, evaluate, OBJECTIVES, surrogate="random")


def budgeted(n: int) -> optuna.Study:
    """Return a study with a budget."""
    study = study_of()
    BUDGET.write(study, n)
    return study


def raising(error: BaseException) -> Any:
    """Return an evaluation that raises an error at its second candidate."""

    def evaluate(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 1:
            raise error
        return cheap(candidate)

    return evaluate


def test_a_worker_uses_the_budget_and_notes_each_row_before_it_is_stored() -> None:
    study, heard = budgeted(3), []

    def note(entry: Entry) -> None:
        done = study.get_trials(states=(TrialState.COMPLETE,))
        heard.append((entry.number, entry.stored, len(done)))

    work(search_of(), server_of(study), ledger=Ledger(note))
    assert evaluated(study) == 3
    assert heard == [(n, stored, n + stored) for n in range(3) for stored in (False, True)]


def test_a_worker_without_a_budget_begins_nothing() -> None:
    study = study_of()
    work(search_of(), server_of(study))
    assert study.trials == []


def test_what_is_beyond_the_budget_is_given_back() -> None:
    """The other trial is counted in the meantime, so that the worker's is one too many."""
    study = budgeted(1)
    server = server_of(study)
    other = turns.begin(study, Worker.here(30.0))
    loop = worker._Loop(search_of(), server, (), Ledger(), 0)
    loop._evaluate_one()
    assert study.trials[1].state == TrialState.FAIL
    assert RELEASED.read(study.trials[1]) == "the budget was used"
    assert [trial.number for trial in running(study)] == [other.number]


def test_a_stop_in_an_evaluation_ends_the_search_after_it() -> None:
    study = budgeted(5)

    def evaluate(candidate: Candidate) -> dict[str, float]:
        assert isinstance(candidate.trial, optuna.Trial)
        candidate.trial.study.stop()
        return cheap(candidate)

    server = server_of(study, Worker.here(0.5, asker="somebody"))
    server.worker = server.worker.alone()
    work(search_of(evaluate), server)
    assert evaluated(study) == 1
    assert is_stopped(study)
    assert not are_stopped(study, "somebody")  # it proposed for itself


def test_a_function_that_says_stop_is_asked_before_each_evaluation() -> None:
    study, left = budgeted(9), iter([False, False, True])
    work(search_of(), server_of(study), stopped=lambda: next(left))
    assert evaluated(study) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), STOPPED),
        (Terminated(), STOPPED),
        (SystemExit(3), DIED),
        (StorageUnavailable("gone"), STOPPED),
    ],
)
def test_what_ends_a_worker_releases_its_trial(error: BaseException, reason: str) -> None:
    study = budgeted(3)
    with pytest.raises(type(error)):
        work(search_of(raising(error)), server_of(study))
    assert running(study) == []
    assert RELEASED.read(study.trials[1]) == reason
    assert evaluated(study) == 1


def test_a_failed_evaluation_is_one_of_the_budget() -> None:
    study = budgeted(3)
    work(search_of(raising(ValueError("no memory"))), server_of(study))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "ValueError: no memory" in str(ERROR.read(study.trials[1]))


def test_the_same_failure_five_times_in_a_row_ends_the_search() -> None:
    study = budgeted(30)

    def evaluate(candidate: Candidate) -> dict[str, float]:
        raise RuntimeError("no such device")

    with pytest.raises(EvaluationFailed, match=r"5 evaluations in a row.*no such device.*fix the"):
        work(search_of(evaluate), server_of(study))
    assert evaluated(study) == 5


def test_an_enqueued_trial_that_cannot_be_is_refused_and_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study, heard = budgeted(2), []
    study.enqueue_trial({"edge_0_1": "gone"})
    with caplog.at_level(logging.WARNING, logger="bonas"):
        work(search_of(), server_of(study), [lambda s, trial: heard.append(trial.number)])
    assert heard == [0, 1]
    assert "enqueue it again with what is possible" in str(ERROR.read(study.trials[0]))
    assert "trial 0 was enqueued with what it cannot have" in caplog.text
    assert study.trials[1].state == TrialState.COMPLETE


def test_a_worker_waits_for_what_others_evaluate_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study = budgeted(1)
    trial = study.ask()  # of a program that is no search
    monkeypatch.setattr(worker, "_PATIENCE", 0.0)
    looks = iter([False] * 3 + [True])
    with caplog.at_level(logging.WARNING, logger="bonas"):
        work(search_of(), server_of(study), stopped=lambda: next(looks))
    assert caplog.text.count(f"waiting for trial {trial.number}") == 1
    assert len(study.trials) == 1


def test_an_exhausted_space_ends_the_search_with_a_warning() -> None:
    space = CellSpace(nodes=2, operations=("none", "skip_connect", "nor_conv_1x1"))
    assert space.members is not None
    with pytest.warns(UserWarning, match="all architectures of CellSpace were evaluated"):
        found = bonas.optimize(
            space,
            10,
            evaluate=lambda candidate: {"accuracy": float(len(candidate.graph.edges))},
            objectives={"accuracy": "maximize"},
            surrogate="random",
            progress=False,
        )
    assert evaluated(found.study) == len(space.members)


def test_a_storage_that_does_not_show_a_trial_is_refused() -> None:
    study = budgeted(3)
    loop = worker._Loop(search_of(), server_of(study), (), Ledger(), 0)
    loop._begun.add(0)
    with pytest.raises(StorageUnavailable, match=r"trial 0 .* was begun, but the storage does not"):
        loop._evaluate_one()
    with pytest.raises(StorageUnavailable, match="was finished, but the storage does not show"):
        loop._call_back(study.trials[0])
