"""Many workers of one study: leases, turns, the budget, and what happens when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

import bonas
from bonas.cli import main
from bonas.encoders.blocks import _kept_blocks
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Candidate
from bonas.spaces import NASBench201
from bonas.studies import ArchitectureSampler, outcomes
from bonas.studies.records import (
    DIED,
    ERROR,
    PREDICTION,
    PROPOSAL,
    RENEWED,
    STOPPED,
    SURPLUS,
    WORKER,
    Proposal,
    budget_of,
)
from bonas.studies.running import trials
from bonas.studies.running.claims import to_serve
from bonas.studies.running.lease import Renewal, Watch, Worker
from bonas.studies.storages.opening import open_storage
from bonas.studies.storages.process import host_id

SPACE = NASBench201(channels=4, cells=1, stages=1)
OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}


def cheap(candidate: Candidate) -> dict[str, float]:
    """An evaluation that takes no time."""
    costs = SPACE.costs(candidate.choices)
    size = sum(costs.values())
    return {"accuracy": 50.0 + 1e-4 * size, "latency": 1e-5 * size, "pid": float(os.getpid())}


def slow(candidate: Candidate) -> dict[str, float]:
    time.sleep(0.3)
    return cheap(candidate)


def deadly(candidate: Candidate) -> dict[str, float]:
    """One architecture kills its process, again and again."""
    if candidate.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return cheap(candidate)


def failing(candidate: Candidate) -> dict[str, float]:
    raise RuntimeError("no such device")


def searched(evaluate: Callable[[Candidate], dict[str, float]], n: int, **more: Any) -> Any:
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **more}
    return bonas.optimize(SPACE, n, evaluate=evaluate, objectives=OBJECTIVES, **given)


def keys(study: optuna.Study) -> list[str]:
    """The networks that were evaluated."""
    done = [trial for trial in study.trials if outcomes.counts(trial)]
    return [SPACE.architecture(trial.params).key for trial in done]


def study_of(seed: int = 1, **more: Any) -> optuna.Study:
    sampler = ArchitectureSampler(SPACE, surrogate="random", seed=seed)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, **more)


def asked(study: optuna.Study) -> optuna.trial.Trial:
    trial = study.ask()
    SPACE.suggest(trial)
    return trial


# --- leases


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def elsewhere(study: optuna.Study, **changes: Any) -> optuna.trial.Trial:
    """A trial of a worker on another host."""
    trial = study.ask()
    worker = replace(Worker.here(lease=30.0), host="elsewhere", **changes)
    trial.set_user_attr(WORKER.key, worker.described())
    return trial


def running(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(states=(TrialState.RUNNING,))


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
    trial.set_user_attr(WORKER.key, {"host": host_id(), **worker})
    assert trials.release_abandoned(study, Watch()) == 1


@pytest.mark.parametrize("worker", ["me", 3, None, []])
def test_a_worker_that_is_none_is_left_alone(worker: object) -> None:
    study = study_of()
    asked(study).set_user_attr(WORKER.key, worker)
    assert trials.release_abandoned(study, Watch()) == 0


def test_a_worker_renews_its_own_trials_only() -> None:
    study = study_of()
    worker = Worker.here(lease=0.1)
    assert isinstance(study.sampler, ArchitectureSampler)
    asked(study)
    study.sampler.worker = worker
    asked(study)
    with Renewal(study, worker):
        deadline = time.monotonic() + 10.0
        while not RENEWED.is_in(study.trials[1]) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert RENEWED.is_in(study.trials[1])
    assert not RENEWED.is_in(study.trials[0])


# --- released proposals


def test_what_was_cut_off_is_proposed_again_with_its_index() -> None:
    study = study_of()
    worker = Worker.here(lease=30.0)
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = worker
    first, second = asked(study), asked(study)
    assert trials.release_own(study, worker) == 2
    assert outcomes.evaluated(study) == 0
    again = [asked(study), asked(study), asked(study)]
    assert [trial.params for trial in again[:2]] == [first.params, second.params]
    assert [Candidate.of(SPACE, trial).number for trial in again] == [0, 1, 2]
    assert again[2].params != second.params


def test_parameters_outside_the_space_come_again_too() -> None:
    study = study_of()
    rate = {"rate": FloatDistribution(0.0, 1.0)}
    first = study.ask(rate).params
    trials.release(study, study.trials[0], STOPPED)
    assert study.ask(rate).params == first


def test_what_a_dead_process_was_evaluating_is_asked_for_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    script = (
        "import os; from tests.studies.running.test_workers import *\n"
        f"study = study_of(study_name='s', storage=open_storage({url!r}))\n"
        "print(sorted(asked(study).params.items()), flush=True); os._exit(9)\n"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": root}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 9, done.stderr
    sampler = ArchitectureSampler(SPACE, surrogate="random", seed=2)
    study = optuna.load_study(study_name="s", storage=open_storage(url), sampler=sampler)
    assert trials.release_abandoned(study, Watch()) == 1
    assert str(sorted(asked(study).params.items())) == done.stdout.strip()


def test_a_proposal_that_kills_its_workers_counts_as_failed(tmp_path: Path) -> None:
    found = searched(deadly, 6, storage=str(tmp_path / "a.log"), n_jobs=2)
    failed = [trial for trial in found.study.trials if ERROR.is_in(trial)]
    assert [Candidate.of(SPACE, trial).number for trial in failed] == [3]
    assert "8 processes died" in str(ERROR.read(failed[0]))
    assert outcomes.evaluated(found.study) == 6


def test_a_result_that_comes_late_is_kept() -> None:
    study = study_of()
    trial = asked(study)
    trials.release(study, study.trials[0], DIED)
    trials.complete(study, trial, {"accuracy": 9.0, "latency": 1.0}, ["accuracy", "latency"])
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[1].params == trial.params
    assert outcomes.given_up(study.trials) == []


def test_of_two_results_of_one_proposal_the_first_is_kept() -> None:
    study = study_of()
    late = asked(study)
    trials.release(study, study.trials[0], DIED)
    again = asked(study)
    names = ["accuracy", "latency"]
    trials.complete(study, late, {"accuracy": 9.0, "latency": 1.0}, names)
    trials.complete(study, again, {"accuracy": 8.0, "latency": 1.0}, names)
    assert [t.values for t in study.trials if outcomes.counts(t)] == [[9.0, 1.0]]
    assert running(study) == []


def test_a_proposal_that_cannot_be_read_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    study = study_of()
    trial = study.ask()
    for text in ("{", "3", 7):
        study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL.key, text)
        asked(study)
    assert "cannot be read" in caplog.text


# --- turns


def ticket(study: optuna.Study, asker: str | None = None) -> int:
    """A worker that waits for a proposal."""
    trial = study.ask()
    trials.claim(study, study.trials[trial.number], Worker.here(30.0, asker))
    return trial.number


def test_the_oldest_ticket_decides_whose_turn_it_is() -> None:
    study = study_of()
    ticket(study, "a"), ticket(study, "b"), ticket(study, "a")
    assert [t.number for t in to_serve(study, "a")] == [0, 1, 2]
    assert to_serve(study, "b") == []


def offered(trial: optuna.trial.FrozenTrial) -> Proposal:
    found = Proposal.offered(trial)
    assert found is not None
    return found


def test_whoever_asks_proposes_different_networks_for_all() -> None:
    study = study_of()
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = Worker.here(30.0)
    for _ in range(5):
        ticket(study, "a")
    assert study.sampler.serve(study, "a") == 5
    assert to_serve(study, "a") == []
    alone = study_of()
    one_by_one = [dict(asked(alone).params) for _ in range(5)]
    assert [offered(trial).params for trial in study.trials] == one_by_one


def modelled(n: int) -> optuna.Study:
    """A study of a worker whose proposals come from a model, with ``n`` finished trials."""
    sampler = ArchitectureSampler(SPACE, surrogate="gp", n_initial=4, seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for _ in range(n):
        trial = asked(study)
        values = cheap(Candidate.of(SPACE, trial))
        study.tell(trial, [values["accuracy"], values["latency"]])
    sampler.worker = Worker.here(30.0)
    return study


def served(study: optuna.Study, n: int) -> list[Mapping[str, Any]]:
    """What ``n`` workers are given that ask at once."""
    for _ in range(n):
        ticket(study, "a")
    assert isinstance(study.sampler, ArchitectureSampler)
    assert study.sampler.serve(study, "a") == n
    assert all(offered(trial).prediction for trial in study.trials[-n:])
    return [offered(trial).params for trial in study.trials[-n:]]


def test_a_model_proposes_different_networks_for_all() -> None:
    study = modelled(5)
    before = {SPACE.architecture(trial.params).key for trial in study.trials}
    proposed = [SPACE.architecture(choices).key for choices in served(study, 10)]
    assert len({*proposed, *before}) == 10 + len(before)


@pytest.mark.parametrize(
    ("finished", "running", "is_modelled"), [(2, 2, True), (1, 5, False), (2, 1, False)]
)
def test_a_model_begins_when_enough_is_tried_and_half_of_it_measured(
    finished: int, running: int, is_modelled: bool
) -> None:
    study = modelled(finished)
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = None
    for _ in range(running):
        asked(study)
    asked(study)
    assert (PREDICTION.is_in(study.trials[-1])) == is_modelled


def test_for_one_worker_a_batch_is_what_it_always_was() -> None:
    alone, crew = modelled(5), modelled(5)
    assert isinstance(alone.sampler, ArchitectureSampler)
    alone.sampler.worker = None
    assert [dict(asked(alone).params)] == served(crew, 1)


# --- proposals ahead of time


def lasting(seconds: float) -> optuna.trial.FrozenTrial:
    trial = optuna.create_trial(value=1.0)
    trial.datetime_start = datetime(2026, 1, 1)
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=seconds)
    return trial


def test_what_lies_ready_is_given_to_the_next_that_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    study = modelled(5)
    sampler = study.sampler
    assert isinstance(sampler, ArchitectureSampler)
    sampler._queue.seconds = 0.0
    assert not sampler.prepare(study, 3)  # it takes no time
    sampler._queue.seconds = 60.0
    assert sampler.prepare(study, 3)
    sampler._queue.seconds = 60.0
    assert not sampler.prepare(study, 3)  # they lie there
    ready = [each.point.params for each in sampler._queue._ready]
    with monkeypatch.context() as patched:
        patched.setattr(sampler._proposer, "propose", None)
        assert served(study, 2) == ready[:2]
    rest = served(study, 2)
    assert rest[0] == ready[2]
    assert len({SPACE.architecture(choices).key for choices in (*ready, *rest)}) == 4


def test_encoders_trained_in_the_background_are_the_same() -> None:
    found = []
    for warm in (False, True):
        _kept_blocks.cache_clear()
        sampler = ArchitectureSampler(SPACE, surrogate="embedded_gp", n_initial=3, seed=0)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        if warm:
            sampler.warm_up(budget=3)
            assert sampler._proposer._warming is None
            sampler.warm_up(budget=4)
            assert sampler._proposer._warming is not None
        for _ in range(4):
            trial = asked(study)
            values = cheap(Candidate.of(SPACE, trial))
            study.tell(trial, [values["accuracy"], values["latency"]])
        found.append([trial.params for trial in study.trials])
    assert found[0] == found[1]
    assert not any(thread.name == "bonas-warm-up" for thread in threading.enumerate())


def test_a_ticket_that_was_given_back_gets_nothing() -> None:
    """The budget was used when its worker looked, and the asker had seen it already."""
    study = study_of()
    number = ticket(study, "a")
    seen = study.trials[number]
    trials.release(study, seen, SURPLUS)
    Proposal(0, {"edge_0_1": "none"}, None).offer(study, seen)
    with pytest.raises(UpdateFinishedTrialError):
        Proposal(0, {"edge_0_1": "none"}, None).settle(study, seen)
    assert Proposal.of(study.trials[number]) is None


def test_a_worker_whose_asker_is_gone_asks_for_itself() -> None:
    study = study_of()
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = Worker.here(lease=0.2, asker="gone")
    with Renewal(study, study.sampler.worker):
        assert asked(study).params


def test_a_dead_asker_loses_its_turn() -> None:
    study = study_of()
    number = ticket(study)
    dead = {**study.trials[number].user_attrs[WORKER.key], "started": 1.0}
    WORKER.write(study, study.trials[number], dead)
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = Worker.here(30.0)
    with Renewal(study, study.sampler.worker):
        assert asked(study).params
    assert study.trials[number].state == TrialState.FAIL


def test_what_an_earlier_search_of_this_process_left_is_released() -> None:
    study = study_of()
    assert isinstance(study.sampler, ArchitectureSampler)
    study.sampler.worker = worker = Worker.here(30.0)
    with Renewal(study, worker):
        asked(study)
        assert not Watch().abandoned(running(study))
    assert [trial.number for trial in Watch().abandoned(running(study))] == [0]


# --- the budget


def test_at_most_the_budget_is_evaluated_whatever_comes_between() -> None:
    study = study_of()
    for _ in range(6):
        study.ask()
    assert [trials.within(study, number, 4) for number in range(6)] == [True] * 4 + [False] * 2
    trials.release(study, study.trials[0], DIED)
    assert trials.within(study, 4, 4)
    assert not trials.within(study, 5, 4)


def test_threads_share_the_budget_and_repeat_nothing() -> None:
    storage = InMemoryStorage()
    given: dict[str, Any] = {"storage": storage, "study_name": "s"}
    searched(cheap, 1, **given)
    workers = [threading.Thread(target=searched, args=(cheap, 60), kwargs=given) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(study_name="s", storage=storage)
    assert budget_of(study) == 60
    assert outcomes.evaluated(study) == 60
    assert max(Counter(keys(study)).values()) == 1
    assert running(study) == []


def test_processes_work_on_a_study_that_is_nowhere_else() -> None:
    heard: list[int] = []
    found = searched(slow, 10, n_jobs=2, callbacks=[lambda s, trial: heard.append(trial.number)])
    assert outcomes.evaluated(found.study) == 10
    assert sorted(heard) == [t.number for t in found.study.trials if outcomes.counts(t)]
    pids = {t.user_attrs["pid"] for t in found.study.trials if outcomes.counts(t)}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert max(Counter(keys(found.study)).values()) == 1


def test_many_workers_make_the_same_initial_design(tmp_path: Path) -> None:
    alone = searched(cheap, 8, surrogate="gp")
    storage = str(tmp_path / "a.log")
    executor = ThreadPoolExecutor(4)
    several = searched(slow, 8, surrogate="gp", n_jobs=4, executor=executor, storage=storage)
    assert sorted(keys(several.study)) == sorted(keys(alone.study))


def test_an_executor_of_processes_does_the_work(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        storage = f"sqlite:///{tmp_path / 'a.db'}"
        found = searched(cheap, 6, n_jobs=2, executor=executor, storage=storage)
    assert outcomes.evaluated(found.study) == 6
    assert os.getpid() not in {trial.user_attrs.get("pid") for trial in found.study.trials}


def test_workers_elsewhere_need_a_storage_that_they_reach() -> None:
    with pytest.raises(InvalidArgument, match="cannot see a study in memory"):
        searched(cheap, 4, n_jobs=2, storage=InMemoryStorage())


def test_what_cannot_be_sent_is_told() -> None:
    lock = threading.Lock()
    with pytest.raises(InvalidArgument, match="evaluate cannot be sent"):
        searched(lambda candidate: cheap(candidate) if lock else {}, 4, n_jobs=2)


@pytest.mark.parametrize("n_jobs", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_is_checked(n_jobs: Any) -> None:
    with pytest.raises(InvalidArgument, match="n_jobs must be"):
        searched(cheap, 4, n_jobs=n_jobs)


def test_a_failure_of_all_workers_is_told() -> None:
    with pytest.raises(EvaluationFailed, match="no such device") as caught:
        searched(failing, 30, n_jobs=2)
    assert outcomes.evaluated(caught.value.study) >= 5


# --- the command

MODULE = """
import bonas
from bonas.cli import main
space = bonas.spaces.NASBench201(channels=4, cells=1, stages=1)

def evaluate(candidate):
    return {"accuracy": float(sum(space.costs(candidate.choices).values()))}

def search():
    return bonas.Search(space, evaluate, {"accuracy": "maximize"}, surrogate="random")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory that tells what to search."""
    (tmp_path / "searched_here.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "searched_here", raising=False)
    return "searched_here:search"


def test_a_command_works_on_a_study(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["worker", module, "--storage", "a.log", "--study", "s"]
    assert main([*given, "--budget", "4"]) == 0
    assert main([*given, "--budget", "6"]) == 0
    assert main(given) == 0
    assert capsys.readouterr().out.count("s: front ") == 3
    study = optuna.load_study(study_name="s", storage=open_storage("a.log"))
    assert outcomes.evaluated(study) == budget_of(study) == 6


def test_a_command_reads_its_options_from_a_file(module: str, tmp_path: Path) -> None:
    config = f'search = "{module}"\nstorage = "a.log"\nstudy = "t"\nbudget = 9\n'
    (tmp_path / "worker.toml").write_text(config)
    assert main(["worker", "--config", "worker.toml", "--budget", "3"]) == 0
    study = optuna.load_study(study_name="t", storage=open_storage("a.log"))
    assert outcomes.evaluated(study) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["x:y", "--storage", "a.log"], "no 'y' in a module 'x'"),
        (["searched_here:search"], "a worker needs its storage"),
        (["searched_here:search", "--storage", "a.log"], "has no budget yet"),
        (["--config", "none.toml"], "cannot read none.toml as TOML"),
    ],
)
def test_a_command_says_what_is_missing(
    module: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worker", *given]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_option_of_the_file_is_told(
    module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "worker.toml").write_text("workers = 3\n")
    assert main(["worker", "--config", "worker.toml"]) == 2
    assert "unknown option in worker.toml 'workers'" in capsys.readouterr().err
