"""The promises of many workers, under many interleavings of their storage calls.

A schedule that breaks one is named by its number; alone it runs with

    BONAS_FIRST_SCHEDULE=1234 BONAS_SCHEDULES=1 pytest tests/studies/running -k sqlite
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState
from schedules import Actor, Killed, Scheduler, Stepping, virtual

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace, Space
from bonas.studies.outcomes import counts, evaluated
from bonas.studies.records import DIED, RELEASED, STOPPED, is_proposed, proposed
from bonas.studies.storages.opening import open_storage

SCHEDULES = int(os.environ.get("BONAS_SCHEDULES", "200"))  # of each storage
FIRST = int(os.environ.get("BONAS_FIRST_SCHEDULE", "0"))
SPACE = MLPSpace(inputs=4, classes=3, depths=(1, 2), widths=(8, 16, 32))
SMALL = MLPSpace(inputs=4, classes=3, depths=(1,), widths=(8,))
NETWORKS = 9  # that it has
BUDGETS = {"memory": 6, "journal": 6, "sqlite": 4}  # the slower, the fewer
PARTS = 8  # of a storage's schedules, which may run at once


class Evaluation:
    """An evaluation that gives each network a value of its own, and notes it."""

    def __init__(self, scheduler: Scheduler, space: Space) -> None:
        self.scheduler, self.space = scheduler, space
        self.begun: list[tuple[int, str]] = []
        self.measured: dict[float, Actor | None] = {}
        self.broken: set[int] = set()  # the numbers of candidates that fail

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        self.begun.append((candidate.number, self.space.architecture(candidate.choices).key))
        self.scheduler.sleep(self.scheduler.rng.choice([0.0, 0.01, 0.3]))
        if candidate.number in self.broken:
            raise RuntimeError("broken")
        value = float(len(self.measured))
        self.measured[value] = self.scheduler.current()
        return {"accuracy": value}


def storages(kind: str, folder: Path) -> Callable[[], BaseStorage]:
    """Return what opens the storage, anew for each process."""
    if kind == "memory":
        memory = InMemoryStorage()
        return lambda: memory
    address = str(folder / "s.log") if kind == "journal" else f"sqlite:///{folder / 's.db'}"
    return lambda: open_storage(address)


class Schedule:
    """One search by several workers under one schedule."""

    def __init__(self, seed: int, kind: str, folder: Path, **disturbances: int) -> None:
        self.scheduler = Scheduler(seed, **disturbances)
        self.space, self.budget, self.expected = SPACE, BUDGETS[kind], BUDGETS[kind]
        self.evaluation = Evaluation(self.scheduler, self.space)
        self.open = storages(kind, folder)
        self.open()  # the file is there; opening takes no steps

    def narrow(self) -> None:
        """Let there be fewer networks than the budget."""
        self.space, self.budget, self.expected = SMALL, NETWORKS + 3, NETWORKS
        self.evaluation = Evaluation(self.scheduler, self.space)

    def search(self, **more: Any) -> bonas.SearchResult:
        return bonas.optimize(
            self.space,
            self.budget,
            evaluate=self.evaluation,
            objectives={"accuracy": "maximize"},
            study_name="s",
            surrogate="random",
            seed=0,
            lease=5.0,
            progress=False,
            **{"storage": Stepping(self.open(), self.scheduler), **more},
        )

    def submit(self, fn: Callable[..., Any], *arguments: Any) -> Any:
        """Run a worker of a pool, of which this object is the executor."""
        return _Future(self.scheduler.add("worker", lambda: fn(*arguments)))

    def run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            virtual(patched, self.scheduler)
            self.scheduler.run()

    def check(self) -> None:
        """Raise AssertionError for a broken promise."""
        study = optuna.load_study(study_name="s", storage=self.open())
        known = study.get_trials(deepcopy=False)
        errors = [a.error for a in self.scheduler.actors if a.error and not a.killed]
        assert not errors, errors
        assert evaluated(study) == self.expected, f"{evaluated(study)} evaluated"
        assert not [t for t in known if t.state == TrialState.RUNNING], "a trial is left running"
        stored = {t.values[0] for t in known if t.state == TrialState.COMPLETE}
        assert not self._living_values() - stored, "a value is lost"
        networks = defaultdict(set)
        for index, key in self.evaluation.begun:
            networks[index].add(key)
        assert all(len(keys) == 1 for keys in networks.values()), "one index of two networks"
        often = Counter(key for _, key in self.evaluation.begun)
        cut_off = Counter(
            self.space.architecture(proposed(trial)).key
            for trial in known
            if RELEASED.read(trial) in (DIED, STOPPED) and is_proposed(trial)
        )
        again = Counter(
            self.space.architecture(trial.params).key
            for trial in known
            if trial.state == TrialState.FAIL and counts(trial)
        )
        twice = {key: n for key, n in often.items() if n > 1 + cut_off[key] + again[key]}
        assert not twice, f"evaluated twice: {twice}"

    def _living_values(self) -> set[float]:
        """Return what was measured, except what may have died with its worker."""
        latest = {id(actor): value for value, actor in self.evaluation.measured.items()}
        dead = {latest.get(id(actor)) for actor in self.scheduler.actors if actor.killed}
        return self.evaluation.measured.keys() - dead


class _Future:
    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def done(self) -> bool:
        return self._actor.done

    def result(self) -> Any:
        if isinstance(self._actor.error, Killed):
            raise RuntimeError("killed")
        if self._actor.error is not None:
            raise self._actor.error
        return self._actor.result

    def cancel(self) -> None:
        pass


def joining(schedule: Schedule, seed: int) -> None:
    """Let two to four processes make the same call."""
    for i in range(2 + seed % 3):
        schedule.scheduler.add(f"w{i}", schedule.search)


def pooled(schedule: Schedule, seed: int) -> None:
    """Let one or two coordinators have two workers each."""
    for i in range(1 + seed % 2):
        schedule.scheduler.add(f"c{i}", lambda: schedule.search(n_jobs=2, executor=schedule))


def narrowing(schedule: Schedule, seed: int) -> None:
    """Let workers join, several of which ask for the last networks at once."""
    schedule.narrow()
    joining(schedule, seed)


def queueing(schedule: Schedule, seed: int) -> None:
    """Enqueue networks while workers join."""
    joining(schedule, seed)
    scheduler = schedule.scheduler

    def enqueue() -> None:
        study = optuna.create_study(
            storage=Stepping(schedule.open(), scheduler),
            study_name="s",
            direction="maximize",
            load_if_exists=True,
        )
        for number in range(2):
            scheduler.sleep(scheduler.rng.choice([0.0, 0.01, 0.3]))
            study.enqueue_trial(schedule.space.members[-1 - number].choices)

    scheduler.add("queue", enqueue)


def correcting(schedule: Schedule, seed: int) -> None:
    """Let some networks fail before the workers come, one of which fails again."""
    schedule.evaluation.broken = {0, 2, 3}
    first = schedule.search(storage=schedule.open())
    assert len(first.failures) == 3
    schedule.evaluation.begun.clear()
    schedule.evaluation.broken = {2}
    joining(schedule, seed)


SCENARIOS: list[tuple[Callable[[Schedule, int], None], dict[str, int]]] = [
    (joining, {}),
    (pooled, {}),
    (joining, {"kills": 2}),
    (joining, {"stalls": 2}),
    (pooled, {"kills": 1, "stalls": 1}),
    (narrowing, {}),
    (narrowing, {"stalls": 1}),
    (queueing, {}),
    (correcting, {}),
    (correcting, {"kills": 1, "stalls": 1}),
]


def broken_promise(
    seed: int, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str | None:
    """Return what goes wrong under a schedule; None if all promises hold."""
    folder.mkdir()
    begin, disturbances = SCENARIOS[seed % len(SCENARIOS)]
    schedule = Schedule(seed, kind, folder, **disturbances)
    begin(schedule, seed)
    try:
        schedule.run(monkeypatch)
        schedule.check()
    except AssertionError as error:
        return str(error).splitlines()[0]
    return None


@pytest.mark.filterwarnings("ignore:all architectures")
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
def test_every_network_is_evaluated_once_and_no_value_is_lost(
    kind: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = range(FIRST + part, FIRST + SCHEDULES, PARTS)
    found = {seed: broken_promise(seed, kind, tmp_path / str(seed), monkeypatch) for seed in seeds}
    broken = {seed: text for seed, text in found.items() if text is not None}
    assert not broken, f"{len(broken)} of {len(seeds)} schedules"
