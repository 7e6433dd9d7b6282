"""A check of a search before it is begun: ``bonas.check``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bonas.arguments import check_count, check_positive
from bonas.checking.child import Ended, available_memory, run_in_child, warm_up, why_not_sendable
from bonas.checking.events import Problem
from bonas.checking.network_rows import RANDOM, Looked, note_networks
from bonas.checking.notes import Notes, trouble_with
from bonas.checking.probes import BuildProbe, EncodingProbe, NetworkProbe, SpaceProbe
from bonas.checking.report import CheckReport
from bonas.checking.space_rows import note_builds, note_encoding, note_space
from bonas.checking.storage import check_storage
from bonas.checking.times import Range, duration, range_of, trials_within, whole
from bonas.encoders import Encoder
from bonas.errors import BonasError, InvalidArgument
from bonas.evaluation import Direction, Evaluator, Objective
from bonas.evaluation.constraint import Constraints
from bonas.spaces import Choices, Family, Space
from bonas.studies.budget import Budget
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage
from bonas.surrogates import Surrogate

_SPACE, _BUILDS, _NETWORK = 0.3, 0.15, 0.4  # shares of the time that is left for each child
_DRAWS = 0.2  # of the space's time for the draws, and again for the small and the large network
_RANDOM = 3  # random networks that are evaluated, if there is time
_BUILT = 16  # networks that are built
_ENCODED = 32  # networks that are encoded
_LEAST = 0.5  # seconds without which a child is not started
_DEFAULT_SURROGATE = "mixture"
_MARGIN = 0.8  # of the memory that is available


def check(
    space: Space | Search,
    evaluate: Evaluator | Sequence[Evaluator] | None = None,
    *,
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None,
    budget: int | str | timedelta | None = None,
    surrogate: str | Surrogate = _DEFAULT_SURROGATE,
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    constraints: Constraints | None = None,
    storage: Storage | None = None,
    study_name: str | None = None,
    n_jobs: int = 1,
    memory_limit: float | None = None,
    seconds: float = 60.0,
    seed: int = 0,
) -> CheckReport:
    """Try a search before it is begun: what works, how long it will take, and what to fix.

    A small, a large and some random networks are built, run on a batch, trained for a few steps and
    measured, each in a child process with limits: a crash, an endless loop or a lack of memory
    becomes a finding. Nothing is stored in a study. An evaluation of your own runs as in a search,
    and so writes whatever files it writes.

    Args:
        space: The search space; or a whole ``bonas.Search``, which has the arguments that are
            here beside ``budget`` and what follows ``constraints``.
        evaluate: As ``bonas.optimize`` takes it.
        objectives: The same.
        budget: The same; how long it will take is estimated.
        surrogate: The same.
        encoder: The same.
        constraints: The same; which of the networks keep them is counted.
        storage: The same; whether it can be opened and written is tried.
        study_name: The same.
        n_jobs: The same.
        memory_limit: Bytes that an evaluation may take; None is what is available.
        seconds: For the whole check. What was not reached by then is listed.
        seed: Of the draws.

    Returns:
        A report; ``print`` shows it, and ``report.ok`` says whether there is nothing to fix.

    Raises:
        InvalidArgument: for ``seconds``, ``n_jobs``, ``memory_limit`` or ``seed`` out of their
            range. Whatever is wrong with the search itself is in the report.
    """
    check_positive("seconds", seconds)
    check_count("n_jobs", n_jobs)
    check_count("seed", seed, least=0)
    if memory_limit is not None:
        check_positive("memory_limit", memory_limit)
    end = time.monotonic() + seconds
    notes, began = Notes(), time.monotonic()
    given = {
        "evaluate": evaluate,
        "objectives": objectives,
        "surrogate": surrogate,
        "encoder": encoder,
        "constraints": constraints,
    }
    search, title = _search_of(space, given, notes)
    known = _budget_of(budget, notes)
    if storage is not None:
        _note_storage(notes, storage, study_name)
    trial = None
    if search is not None:
        trial = _Check(search, notes, end, memory_limit, seed).run(known, n_jobs)
    total = _note_budget(notes, trial, known, min(n_jobs, os.cpu_count() or 1))
    findings = sorted(notes.findings, key=lambda finding: not finding.must_fix)
    took = time.monotonic() - began
    return CheckReport(title, tuple(notes.rows), tuple(findings), took, trial, total)


def check_named(reference: str, **settings: Any) -> CheckReport:
    """Check the search ``module:name`` as ``check`` does, whatever its module raises.

    Raises:
        InvalidArgument: if there is no such module or name, or it is no search.
    """
    try:
        search = Search.named(reference)
    except BonasError:
        raise
    except Exception as error:
        notes = Notes()
        expected, advice = f"the search {reference} to be imported", "fix it"
        found = trouble_with("search", Problem.of(error), expected, advice)
        notes.add("search", found.short, found.text)
        return CheckReport(f"check of {reference}", tuple(notes.rows), tuple(notes.findings), 0.0)
    return check(search, **settings)


def _search_of(space: object, given: Mapping[str, Any], notes: Notes) -> tuple[Search | None, str]:
    """Return the search, and what it is called; None if its arguments cannot work."""
    if isinstance(space, Search):
        beside = [name for name, x in given.items() if x is not None and x != _DEFAULT_SURROGATE]
        if beside:
            raise InvalidArgument(
                f"expected a bonas.Search without what it has itself, got {beside} beside it; make "
                "them part of the search"
            )
        return space, f"check of {_name_of(space.space)}"
    title = f"check of {_name_of(space)}"
    try:
        search = Search(space, **given)  # type: ignore[arg-type]  # it looks
    except Exception as error:
        _note_error(notes, "search", error)
        return None, title
    return search, title


def _name_of(space: object) -> str:
    """Return what a space is called: the function of a family, else the class."""
    own = space.function if isinstance(space, Family) else space
    return str(getattr(own, "__name__", None) or type(own).__name__)


def _budget_of(budget: object, notes: Notes) -> Budget | None:
    if budget is None:
        return None
    try:
        return Budget.given(budget)
    except BonasError as error:
        _note_error(notes, "budget", error)
        return None


def _note_storage(notes: Notes, storage: Storage, study_name: str | None) -> None:
    try:
        notes.ok("storage", check_storage(storage, study_name))
    except Exception as error:
        _note_error(notes, "storage", error)


def _note_error(notes: Notes, about: str, error: Exception) -> None:
    problem = Problem.of(error)
    text = str(error) if problem.is_explained else f"expected a valid {about}, got {problem}"
    notes.add(about, problem.kind, text)


def _note_budget(
    notes: Notes, trial: Range | None, budget: Budget | None, workers: int
) -> Range | None:
    """Note the rows trial and budget; return how long the budget takes."""
    if trial is None:
        return None
    low, mean, high = map(duration, trial)
    notes.ok("trial", f"about {mean} ({low} to {high}), without its proposal")
    if budget is None:
        return None
    if budget.unit == "seconds":
        few, some, many = trials_within(trial, budget)
        notes.ok("budget", f"{budget}: about {some:,} trials ({few:,} to {many:,}) on one worker")
        return budget.amount, budget.amount, budget.amount
    total = whole(trial, budget, workers)
    low, mean, high = map(duration, total)
    beside = f" on {workers} workers" if workers > 1 else ""
    notes.ok("budget", f"{budget} trials: about {mean} ({low} to {high}){beside}")
    return total


class _Check:
    """The part of a check that runs code of the user, in children."""

    def __init__(
        self, search: Search, notes: Notes, end: float, memory: float | None, seed: int
    ) -> None:
        self.search, self.notes, self.seed = search, notes, seed
        self._end, self._memory = end, memory
        self._parts = {
            "the space": search.space,
            "evaluate": search.evaluate,
            "the surrogate": search.surrogate,
            "the encoder": search.encoder,
        }

    def run(self, budget: Budget | None, n_jobs: int) -> Range | None:
        """Note everything; return how long a trial takes, if that is known."""
        self._note_sendable(n_jobs)
        if not warm_up(self._limit(1.0)):
            text = "expected time to start a process, got too little of it; give more with seconds="
            self.notes.add("space", "not reached", text)
            return None
        limit = self._limit(_SPACE)
        if limit < _LEAST:
            self.notes.skip("space")
            return None
        ended = self._child(SpaceProbe(self.search, self.seed, _DRAWS * limit), limit)
        note_space(self.notes, ended, limit, budget)
        drawn = [dict(each) for each in self._facts(ended, "draws").get("drawn", ())]
        if not drawn or self._facts(ended, "objectives").get("goals") is None:
            return None
        self._builds(drawn, builds=bool(self._facts(ended, "draws").get("builds")))
        looked = self._networks(drawn, self._facts(ended, "sizes"))
        note_networks(self.notes, looked, self._facts(ended, "objectives"))
        self._encoding(drawn)
        known = [time for each in looked if (time := each.time) is not None]
        least = [time.seconds for time in known if time.is_least]
        if least:
            self.notes.skip("trial", f"takes longer than {duration(max(least))}")
        return range_of(known)

    def _networks(self, drawn: Sequence[Choices], sizes: Mapping[str, Any]) -> list[Looked]:
        """Look at the smallest, the largest and random networks, as long as there is time."""
        wanted = [(name, sizes[name]) for name in ("smallest", "largest") if name in sizes]
        wanted = wanted[:1] if wanted[1:] and wanted[0][1] == wanted[1][1] else wanted
        wanted += [(f"{RANDOM} {i + 1}", choices) for i, choices in enumerate(drawn[:_RANDOM])]
        looked: list[Looked] = []
        is_slow = False
        for name, choices in wanted:
            limit = self._limit(_NETWORK)
            if limit < _LEAST:
                missed = [each for each, _ in wanted[len(looked) :]]
                self.notes.skip("networks", f"not reached: {', '.join(missed)}")
                break
            probe = NetworkProbe(self.search, choices, self._available(), limit, not is_slow)
            looked.append(Looked(name, choices, self._child(probe, limit), limit))
            trouble = looked[-1].trouble
            if trouble is not None and trouble.step.startswith("evaluate") and not trouble.must_fix:
                is_slow = True  # others would take as long
        return looked

    def _builds(self, drawn: Sequence[Choices], *, builds: bool) -> None:
        if not builds:
            return
        some, limit = drawn[:_BUILT], self._limit(_BUILDS)
        if limit < _LEAST:
            self.notes.skip("builds")
            return
        note_builds(self.notes, self._child(BuildProbe(self.search, some), limit), limit, len(some))

    def _encoding(self, drawn: Sequence[Choices]) -> None:
        limit = self._limit(1.0)
        if limit < _LEAST:
            self.notes.skip("encoding")
            return
        probe = EncodingProbe(self.search, drawn[:_ENCODED])
        note_encoding(self.notes, self._child(probe, limit), limit)

    def _note_sendable(self, n_jobs: int) -> None:
        """Note whether the search can go to another process."""
        probe = SpaceProbe(self.search, self.seed, 0.0)
        why = why_not_sendable(probe, self._parts)
        if why is not None:
            self.notes.add("other processes", "cannot be sent", why, must_fix=n_jobs > 1)

    def _child(self, task: Any, limit: float) -> Ended:
        return run_in_child(task, self._parts, limit, self._available())

    def _limit(self, share: float) -> float:
        """Return the seconds for the next child: a share of those that are left."""
        return share * (self._end - time.monotonic())

    def _available(self) -> float | None:
        if self._memory is not None:
            return self._memory
        available = available_memory()
        return None if available is None else _MARGIN * available

    @staticmethod
    def _facts(ended: Ended, step: str) -> Mapping[str, Any]:
        event = ended.events.get(step)
        return {} if event is None else event.facts
