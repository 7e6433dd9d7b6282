"""Leases: which workers count as dead, and whose trials are left alone."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import optuna
import pytest
from small_searches import asked, running, served, server_of, study_of

from bonas.studies.lease import Renewal, Watch, Worker
from bonas.studies.records import PROPOSAL, RENEWED, WORKER
from bonas.studies.running import trials
from bonas.studies.storages.process import machine


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def elsewhere(study: optuna.Study, **changes: Any) -> optuna.trial.Trial:
    """Return a trial of a worker on another host."""
    trial = study.ask()
    worker = replace(Worker.here(lease=30.0), host="elsewhere", **changes)
    trial.set_user_attr(WORKER.key, worker.described())
    return trial


def test_a_silent_worker_of_another_host_is_dead_after_its_lease() -> None:
    study, clock = study_of(), Clock()
    elsewhere(study)
    watch = Watch(clock)
    for _ in range(4):
        assert not watch.abandoned(running(study))
        clock.now += 9.0
    assert [trial.number for trial in watch.abandoned(running(study))] == [0]


def test_a_worker_that_renews_lives() -> None:
    study, clock = study_of(), Clock()
    trial = elsewhere(study)
    watch = Watch(clock)
    for i in range(20):
        RENEWED.write(study, trial, i)
        assert not watch.abandoned(running(study))
        clock.now += 9.0


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """The database was away, or the observer asleep: nobody could renew, or see it."""
    study, clock = study_of(), Clock()
    elsewhere(study)
    watch = Watch(clock)
    watch.abandoned(running(study))
    clock.now += 1e6
    assert not watch.abandoned(running(study))


@pytest.mark.parametrize("change", [{"lease": None}, {"lease": "soon"}, {"lease": -1.0}])
def test_a_worker_without_a_lease_is_left_alone(change: dict[str, Any]) -> None:
    study, clock = study_of(), Clock()
    elsewhere(study, **change)
    watch = Watch(clock)
    for _ in range(1_000):
        assert not watch.abandoned(running(study))
        clock.now += 20.0


def test_a_clock_set_back_abandons_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of()
    asked(study)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not Watch().abandoned(running(study))


@pytest.mark.parametrize(
    "worker", [{"pid": os.getpid()}, {"started": 0.0}, {"pid": "x", "started": 1}]
)
def test_a_worker_that_was_written_badly_counts_as_dead(worker: dict[str, object]) -> None:
    study = study_of()
    trial = asked(study)
    trial.set_user_attr(WORKER.key, {"host": machine(), **worker})
    assert trials.release_abandoned(study, Watch()) == 1


@pytest.mark.parametrize("worker", ["me", 3, None, []])
def test_a_worker_that_is_none_is_left_alone(worker: object) -> None:
    study = study_of()
    asked(study).set_user_attr(WORKER.key, worker)
    assert trials.release_abandoned(study, Watch()) == 0


def test_a_worker_renews_its_own_trials_only() -> None:
    study = study_of()
    worker = Worker.here(lease=0.1)
    asked(study)
    served(server_of(study, worker))
    with Renewal(study, worker):
        deadline = time.monotonic() + 10.0
        while not RENEWED.is_in(study.trials[1]) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert RENEWED.is_in(study.trials[1])
    assert not RENEWED.is_in(study.trials[0])


def test_what_an_earlier_search_of_this_process_left_is_released() -> None:
    study = study_of()
    server = server_of(study)
    with Renewal(study, server.worker):
        served(server)
        assert not Watch().abandoned(running(study))
    assert [trial.number for trial in Watch().abandoned(running(study))] == [0]


def test_a_trial_of_a_plain_program_is_left_alone_once_it_has_its_proposal() -> None:
    """It says nothing of its process, and its objective may take its time before it asks."""
    study, clock = study_of(), Clock()
    trial = study.ask()
    PROPOSAL.write(study, trial, {"edge_0_1": "none"})
    watch = Watch(clock)
    for _ in range(100):
        assert not watch.abandoned(running(study))
        clock.now += 20.0


def test_a_trial_without_a_worker_and_a_proposal_is_abandoned_after_a_lease() -> None:
    """Its worker took it from the queue, and died before it could say so."""
    study, clock = study_of(), Clock()
    study.enqueue_trial({"edge_0_1": "none"})
    study.ask()
    watch = Watch(clock)
    for _ in range(4):
        assert not watch.abandoned(running(study))
        clock.now += 19.0
    assert [trial.number for trial in watch.abandoned(running(study))] == [0]


def test_a_worker_goes_on_alone_under_its_own_name() -> None:
    worker = Worker.here(30.0, asker="somebody")
    assert worker.alone().asker == worker.name == worker.alone().name
    assert Worker.here(30.0).asker != worker.name
