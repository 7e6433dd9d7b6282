"""The coordinator of a worker pool: one step at a time, with workers that the test plays."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState
from small_searches import NAMES, SPACE, cheap, running, server_of, study_of, tell

import bonas
from bonas.errors import EvaluationFailed
from bonas.optuna_internals import live, stoppable
from bonas.studies.lease import Worker
from bonas.studies.outcomes import evaluated
from bonas.studies.records import BUDGET, DIED, ERROR, RELEASED, Proposal, are_stopped
from bonas.studies.running import turns
from bonas.studies.running.coordinator import _Coordinator, _job, _store_left, coordinate
from bonas.studies.running.ledger import Ledger
from bonas.studies.running.proposal_server import ProposalServer

SEARCH = bonas.Search(SPACE, cheap, {"accuracy": "maximize", "latency": "minimize"}, "random")


def begun(server: ProposalServer) -> FrozenTrial:
    """Return a trial of a worker on another host, for which the server proposes."""
    worker = replace(Worker.here(30.0, server.worker.name), host="elsewhere")
    return turns.begin(server.study, worker)


def taken(server: ProposalServer, own: FrozenTrial) -> optuna.Trial:
    """Return a trial that has taken what it was offered."""
    proposal = Proposal.offered(server.study.trials[own.number])
    assert proposal is not None
    proposal.settle(server.study, own)
    trial = live(server.study, own)
    SPACE.suggest(trial)
    return trial


def test_a_step_offers_a_proposal_to_each_worker_that_waits() -> None:
    server = server_of(study_of())
    coordinator = _Coordinator(server, 2, [])
    assert not coordinator.step()  # nobody asks
    begun(server), begun(server)
    assert coordinator.step()
    assert all(Proposal.offered(trial) for trial in server.study.trials)
    assert not coordinator.step()


def test_each_evaluated_trial_is_reported_once() -> None:
    heard: list[int] = []
    server = server_of(study_of())
    coordinator = _Coordinator(server, 1, [lambda study, trial: heard.append(trial.number)])
    own = begun(server)
    coordinator.step()
    assert heard == []
    tell(server.study, taken(server, own))
    coordinator.step()
    coordinator.step()
    assert heard == [own.number]
    assert coordinator.progress() == 1


def test_what_was_evaluated_before_the_call_is_not_reported() -> None:
    study, heard = study_of(), []
    study.add_trial(optuna.create_trial(values=[1.0, 2.0]))
    coordinator = _Coordinator(server_of(study), 1, [lambda s, trial: heard.append(trial)])
    assert coordinator.progress() == 1
    coordinator.step()
    assert heard == []


def test_a_stop_in_a_callback_ends_the_waiting_of_all_workers() -> None:
    server = server_of(study_of())
    study = server.study
    coordinator = _Coordinator(server, 1, [lambda study, trial: study.stop()])
    with stoppable(study):
        study.add_trial(optuna.create_trial(values=[1.0, 2.0]))
        coordinator.call_back()
        begun(server)
        assert not coordinator.step()
    assert are_stopped(study, server.worker.name)
    assert running(study) == []


def test_a_death_that_a_proposal_caused_is_progress() -> None:
    study = study_of()
    coordinator = _Coordinator(server_of(study), 1, [])
    for params in ({}, {"edge_0_1": "none"}):
        own = turns.begin(study, Worker.here(30.0))
        if params:
            Proposal(own.number, params, None).settle(study, own)
        RELEASED.write(study, own, DIED)
        study.tell(own.number, state=TrialState.FAIL)
    assert coordinator.progress() == 1


def deadly(number: int) -> FrozenTrial:
    """Return a trial that counts as failed since its workers died."""
    trial = optuna.create_trial(
        state=TrialState.FAIL,
        user_attrs=ERROR.holding(f"8 processes died of {number}"),
        system_attrs=RELEASED.holding(DIED),
    )
    trial.datetime_complete = datetime(2026, 1, 1) + timedelta(seconds=number)
    return trial


@pytest.mark.parametrize("n", [4, 5])
def test_five_deadly_architectures_in_a_row_end_the_search(n: int) -> None:
    study = study_of()
    study.add_trial(deadly(0))  # of an earlier call
    coordinator = _Coordinator(server_of(study), 1, [])
    study.add_trials([deadly(number) for number in range(1, n + 1)])
    if n < 5:
        coordinator.step()
        return
    with pytest.raises(EvaluationFailed, match=r"5 architectures in a row.*died of 5.*fix the"):
        coordinator.step()


def test_rows_of_dead_workers_are_stored_once(caplog: pytest.LogCaptureFixture) -> None:
    server = server_of(study_of())
    study, own = server.study, turns.begin(server.study, server.worker)
    server.settle(own)
    row = ({}, {"accuracy": 9.0, "latency": 1.0, "pid": 5.0})
    with caplog.at_level(logging.WARNING, logger="bonas"):
        _store_left(study, {own.number: row}, NAMES)
        _store_left(study, {own.number: row}, NAMES)
    (trial,) = study.trials
    assert (trial.state, trial.values) == (TrialState.COMPLETE, [9.0, 1.0])
    assert trial.user_attrs["pid"] == 5.0
    assert caplog.text.count("measured by a worker that died") == 1


@pytest.mark.parametrize("is_child", [True, False])
def test_a_job_names_whoever_proposes_and_shares_the_cpu(is_child: bool) -> None:
    server = server_of(study_of(), seed=7)
    server.study.add_trial(optuna.create_trial(values=[1.0, 2.0]))
    job = _job(SEARCH, server, "a.log", 1_000, is_child)
    assert (job.seed, job.since, job.lease) == (7, 1, 30.0)
    assert (job.asker, job.study) == (server.worker.name, server.study.study_name)
    assert (job.threads, job.child) == ((1, True) if is_child else (None, False))
    without = replace(server.worker, lease=None)
    server.worker = without
    assert _job(SEARCH, server, "a.log", 1, is_child).lease == 60.0


def test_threads_of_an_executor_use_the_budget() -> None:
    storage, heard = InMemoryStorage(), []
    study = study_of(storage=storage, study_name="s")
    BUDGET.write(study, 6)

    def note(study: optuna.Study, trial: FrozenTrial) -> None:
        heard.append(trial.number)

    given: dict[str, Any] = {"callbacks": [note], "ledger": Ledger()}
    with ThreadPoolExecutor(2) as executor:
        coordinate(SEARCH, server_of(study), storage, 2, executor, **given)
    assert evaluated(study) == 6
    assert len(heard) == len(set(heard)) == 6
    assert running(study) == []
