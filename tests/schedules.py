"""A scheduler that interleaves workers of one study, storage call by storage call.

Every worker is a thread, of which one runs at a time: until its next call of the storage, or its
next sleep. Who goes on follows from a seed, so that a schedule that breaks a promise can be run
again. There are three kinds of schedules:

uniform    anybody who does not sleep
priority   the worker of the highest priority; these change at a few random steps, which finds
           races of few steps (Burckhardt, Kothari, Musuvathi and Nagarakatte 2010, "A randomized
           scheduler with probabilistic guarantees of finding bugs")
slow       every call takes a random time, most of them little and a few very long

Time is virtual: it passes when all sleep.

A worker may be killed, after which it makes no call any more, or stalled: everybody takes it for
dead while it makes no call, and then it goes on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from optuna.storages import BaseStorage

from bonas.studies import lease

_STEPS = 50_000  # after which a schedule counts as endless
_CHANGES = 6  # of priorities, in a schedule that has them
_TIMES = (0.0, 0.002, 0.01, 0.02, 0.3)  # seconds of a call, where calls are slow
_HORIZON = 400  # steps in which these changes, kills and stalls come


class Killed(BaseException):
    """The process of this worker is gone."""


@dataclass
class Actor:
    """One worker's thread."""

    name: str
    run: Callable[[], Any]
    priority: float = 0.0
    wakes: float = 0.0
    stalled: bool = False
    killed: bool = False
    done: bool = False
    result: Any = None
    error: BaseException | None = None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def cancel(self) -> None:
        """As a future: a worker under way is not stopped."""


class Scheduler:
    """Runs actors one at a time.

    Args:
        seed: Seed of every random choice.
        kills: How many workers are killed, each at a random step.
        stalls: How many are stalled.
    """

    def __init__(self, seed: int, *, kills: int = 0, stalls: int = 0) -> None:
        self.rng = random.Random(seed)
        self.now, self.steps = 0.0, 0
        self.actors: list[Actor] = []
        self.trace: list[tuple[str, str]] = []
        self._back = threading.Semaphore(0)
        self._own = threading.local()
        self._kind = ("uniform", "priority", "slow")[seed % 3]
        self._changes = set(self._moments(_CHANGES))
        self._kills, self._stalls = self._moments(kills), self._moments(stalls)

    def _moments(self, n: int) -> list[int]:
        return sorted(self.rng.randrange(1, _HORIZON) for _ in range(n))

    def add(self, name: str, run: Callable[[], Any]) -> Actor:
        """Start a worker."""
        actor = Actor(name, run, self.rng.random())
        self.actors.append(actor)
        threading.Thread(target=self._life, args=(actor,), name=name, daemon=True).start()
        return actor

    def current(self) -> Actor | None:
        """Return the actor whose thread this is."""
        found: Actor | None = getattr(self._own, "actor", None)
        return found

    def step(self, what: str) -> None:
        """Let others go on, before a call of the storage."""
        actor = self.current()
        if actor is None:
            return
        if actor.killed:
            raise Killed
        self.trace.append((actor.name, what))
        if self._kind == "slow" and actor.wakes <= self.now:
            actor.wakes = self.now + self.rng.choice(_TIMES)
        self._back.release()
        actor.go.acquire()
        if actor.killed:
            raise Killed

    def sleep(self, seconds: float) -> None:
        """Sleep in virtual time."""
        actor = self.current()
        if actor is None:
            _SLEEP(seconds)
        else:
            actor.wakes = self.now + seconds
            self.step(f"sleep {seconds:.2f}")

    def monotonic(self) -> float:
        """Return the virtual time."""
        return _MONOTONIC() if self.current() is None else self.now

    def run(self) -> None:
        """Run until all actors are done."""
        while any(not actor.done for actor in self.actors):
            self.steps += 1
            assert self.steps < _STEPS, f"no end: {self.trace[-60:]}"
            self._disturb()
            actor = self._next()
            actor.go.release()
            self._back.acquire()

    def _next(self) -> Actor:
        alive = [actor for actor in self.actors if not actor.done]
        ready = [actor for actor in alive if actor.wakes <= self.now]
        if not ready:
            self.now = min(actor.wakes for actor in alive)
            ready = [actor for actor in alive if actor.wakes <= self.now]
        for actor in ready:
            actor.stalled = False
        if self._kind != "priority":
            return self.rng.choice(ready)
        chosen = max(ready, key=lambda actor: actor.priority)
        if self.steps in self._changes:
            chosen.priority = -self.rng.random()
        return chosen

    def _disturb(self) -> None:
        """Kill or stall somebody, if it is time to."""
        alive = [a for a in self.actors if not (a.done or a.killed or a.stalled)]
        if self._kills and self.steps >= self._kills[0] and len(alive) > 1:
            del self._kills[0]
            self.rng.choice(alive).killed = True
        elif self._stalls and self.steps >= self._stalls[0] and len(alive) > 1:
            del self._stalls[0]
            actor = self.rng.choice(alive)
            actor.stalled, actor.wakes = True, self.now + self.rng.choice([0.1, 1.0, 5.0])

    def _life(self, actor: Actor) -> None:
        self._own.actor = actor
        actor.go.acquire()
        try:
            if not actor.killed:
                actor.result = actor.run()
        except BaseException as error:
            actor.error = error
        actor.done = True
        self._back.release()


_SLEEP, _MONOTONIC = time.sleep, time.monotonic


class AtWork(set[str]):
    """The names of the workers that renew; one that is stalled seems to be gone."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._actors: dict[str, Actor] = {}

    def add(self, name: str) -> None:
        actor = self._scheduler.current()
        assert actor is not None
        self._actors[name] = actor
        super().add(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) and not self._actors[str(name)].stalled


def virtual(monkeypatch: pytest.MonkeyPatch, scheduler: Scheduler) -> None:
    """Let actors sleep in virtual time, and seem dead while they are stalled."""
    monkeypatch.setattr(time, "sleep", scheduler.sleep)
    monkeypatch.setattr(time, "monotonic", scheduler.monotonic)
    monkeypatch.setattr(lease.Watch.__init__, "__defaults__", (scheduler.monotonic,))
    monkeypatch.setattr(lease, "_at_work", AtWork(scheduler))


def _stepping_call(name: str) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        self._scheduler.step(name)
        return getattr(self._inner, name)(*arguments, **named)

    return call


def _calls() -> Iterable[str]:
    plain = (name for name, x in vars(BaseStorage).items() if callable(x))
    return (name for name in plain if not name.startswith("_"))


class _Stepping:
    """A storage that yields to the scheduler before each of its calls."""

    def __init__(self, inner: BaseStorage, scheduler: Scheduler) -> None:
        self._inner, self._scheduler = inner, scheduler


Stepping: Any = type(
    "Stepping", (_Stepping, BaseStorage), {name: _stepping_call(name) for name in _calls()}
)
