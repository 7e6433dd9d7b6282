"""Facts about the thread that reads: how often, for whom, and what an error costs."""

from __future__ import annotations

import threading
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from watched import add, stored

from bonas.live.fingerprint import fingerprint
from bonas.live.watcher import Watcher
from bonas.studies.records import RENEWED

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class Counting:
    """A watcher of one study in memory, and how often it did what."""

    def __init__(self, every: float = 3_600.0) -> None:
        self.storage = InMemoryStorage()
        self.study = stored(self.storage)
        self.opened = self.cards = self.pages = 0
        self.fails = False
        self.watcher = Watcher(self._open, (), every, fingerprint, self._card, self._page)

    def _open(self) -> Any:
        self.opened += 1
        if self.fails:
            raise OSError("away")
        return self.storage

    def _card(self, study: optuna.Study) -> str:
        self.cards += 1
        return f"card {len(study.trials)}"

    def _page(self, study: optuna.Study, version: str) -> str:
        self.pages += 1
        return f"page {len(study.trials)} {version}"


def test_many_that_look_cost_one_reading() -> None:
    found = Counting()
    found.watcher.start()
    waiting = [
        threading.Thread(target=found.watcher.state, args=("s",), kwargs={"waits": True})
        for _ in range(10)
    ]
    for each in waiting:
        each.start()
    for each in waiting:
        each.join()
    found.watcher.stop()
    assert (found.opened, found.pages) == (1, 1)


def test_nothing_is_made_anew_where_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.live.watcher.time.monotonic", lambda: 1_000.0)  # reports take none
    found = Counting()
    found.watcher.state("s")
    for _ in range(3):
        found.watcher.look()
    assert (found.opened, found.cards, found.pages) == (1, 1, 1)
    add(found.study, [91.0, 1.5])
    for _ in range(3):
        found.watcher.look()
    assert (found.cards, found.pages) == (2, 2)


def test_a_report_is_made_for_those_who_look_at_it() -> None:
    found = Counting()
    found.watcher.state()
    found.watcher.look()
    assert (found.cards, found.pages) == (1, 0)
    assert found.watcher.state("s", waits=False).studies["s"].page is None
    found.watcher.look()
    assert found.pages == 1


@pytest.mark.parametrize("booted", [0.0, 1e6], ids=["a moment ago", "long ago"])
def test_a_report_that_nobody_looks_at_is_made_no_more(
    booted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``time.monotonic`` may begin when the machine has: what was never asked for is not recent."""
    found, now = Counting(every=1.0), booted
    monkeypatch.setattr("bonas.live.watcher.time.monotonic", lambda: now)
    found.watcher.state()
    found.watcher.look()
    assert found.pages == 0
    found.watcher.state("s")
    found.watcher.look()
    assert found.pages == 1
    add(found.study, [91.0, 1.5])
    now += 31.0
    found.watcher.state()
    found.watcher.look()
    assert (found.pages, found.cards) == (1, 2)


def test_a_slow_report_is_made_at_most_a_tenth_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, now = Counting(), 1_000.0
    monkeypatch.setattr("bonas.live.watcher.time.monotonic", lambda: now)
    make = found.watcher._page

    def slow(study: optuna.Study, version: str) -> str:
        nonlocal now
        now += 2.0
        return make(study, version)

    found.watcher._page = slow
    found.watcher.state("s")
    found.watcher.look()
    for seconds, pages in ((17.9, 1), (0.2, 2)):  # 20 seconds after the first one began
        add(found.study, [91.0, 1.5])
        now += seconds
        found.watcher.state("s")
        found.watcher.look()
        assert found.pages == pages
    assert found.cards == 3


def test_what_was_seen_stays_while_the_storage_is_away() -> None:
    found = Counting()
    found.watcher.state("s")
    found.watcher.look()
    before = found.watcher.state("s")
    found.watcher._opened = lambda: (_ for _ in ()).throw(OSError("away"))
    found.watcher._storage = None
    found.watcher.look()
    after = found.watcher.state("s")
    assert (after.studies, after.read_at, after.trouble) == (before.studies, before.read_at, "away")


def test_who_waits_for_a_storage_that_cannot_be_read_is_told_so() -> None:
    found = Counting()
    found.fails = True
    found.watcher.start()
    state = found.watcher.state("s", waits=True)
    found.watcher.stop()
    assert (state.read_at, state.trouble) == (None, "away")


def test_nobody_waits_for_a_watcher_that_has_stopped() -> None:
    found = Counting()
    found.watcher.stop()
    assert found.watcher.state("s", waits=True).read_at is None


def test_a_sign_of_life_is_no_change_and_all_else_is() -> None:
    study = stored(InMemoryStorage())
    seen = [fingerprint(study)]

    def is_new() -> bool:
        seen.append(fingerprint(study))
        return seen[-1] != seen[-2]

    assert not is_new()
    trial = study.ask()
    assert is_new()
    RENEWED.write(study, trial, 3)
    assert not is_new()
    trial.set_user_attr("loss", 0.5)
    assert is_new()
    study.tell(trial, [1.0, 2.0])
    assert is_new()
    study.set_user_attr("bonas:budget", 40)
    assert is_new()
    study._storage.set_study_system_attr(study._study_id, "dashboard:note_ver", 1)
    assert not is_new()
