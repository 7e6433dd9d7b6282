"""Run a search: open its study, evaluate until the budget is used, and end without losing results.

``bonas.optimize`` and the command ``bonas worker`` both come here.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import InMemoryStorage

from bonas.arguments import check_count, check_positive
from bonas.errors import (
    BonasError,
    DeviceUnavailable,
    EvaluationFailed,
    InvalidArgument,
    StorageUnavailable,
)
from bonas.optuna_internals import storage_of
from bonas.plots.front_table import front_note
from bonas.progress import ProgressBar
from bonas.result import SearchResult
from bonas.settings import own_settings
from bonas.studies import open_study
from bonas.studies.budget import Budget, Given, budget_of
from bonas.studies.constraints import set_constraints
from bonas.studies.lease import LEASE, Worker
from bonas.studies.lineage.origin import objectives_of
from bonas.studies.outcomes import reopened_below
from bonas.studies.proposing.measure_first import MeasureFirst
from bonas.studies.proposing.search_space import is_exhausted
from bonas.studies.records import SEED
from bonas.studies.running.coordinator import coordinate
from bonas.studies.running.interrupts import Terminated
from bonas.studies.running.ledger import Ledger, with_rows
from bonas.studies.running.proposal_server import ProposalServer
from bonas.studies.running.retries import reopen
from bonas.studies.running.trials import release_dead
from bonas.studies.running.worker import Callback, work
from bonas.studies.running.worker_pool import Executor
from bonas.studies.search import Search
from bonas.studies.storages.journal import check_journal, journal_file
from bonas.studies.storages.opening import Storage
from bonas.studies.study import OnMismatch
from bonas.studies.warm_start import add_known

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Where a search keeps its study, and who evaluates; ``bonas.optimize`` documents each.

    A ``budget`` of None is that of the stored study; ``bonas.studies.budget`` says what budgets
    count.

    Raises:
        InvalidArgument: for a value that cannot work.
    """

    storage: Storage | None = None
    study_name: str | None = None
    budget: Given | None = None
    on_mismatch: OnMismatch = "refuse"
    warm_start: object = None
    seed: int | None = None
    n_jobs: int = 1
    executor: Executor | None = None
    lease: float = LEASE
    progress: bool = True
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        if self.budget is not None:
            Budget.given(self.budget)
        check_count("n_jobs", self.n_jobs)
        check_positive("lease", self.lease, finite=False, advice="give the seconds of silence")
        for callback in self.callbacks:
            if not callable(callback):
                raise InvalidArgument(
                    f"callbacks must be functions of (study, trial), got {callback!r}"
                )

    @property
    def alone(self) -> bool:
        """Whether this process evaluates, and no worker of it."""
        return self.n_jobs == 1 and self.executor is None


def run(search: Search, settings: RunSettings) -> SearchResult:
    """Work on the study of ``search`` until its budget is used.

    Raises:
        BonasError: as ``bonas.optimize`` does; ``InvalidArgument`` if there is no budget.
    """
    search.space.architecture(search.space.sample(np.random.default_rng(0)))  # raises if broken
    _ = search.limits  # raises for a misspelt one
    with _storage_for(settings) as storage:
        study, seed = _open(search, settings, storage)
        worker, first = Worker.here(settings.lease), _measured_first(search, settings)
        server = ProposalServer(study, search.proposer(), seed, worker, first)
        goals = objectives_of(study, search.goals)
        result = SearchResult(study, search.space, goals)
        ledger = Ledger()
        with (
            closing(_bar(result, settings, server)) as bar,
            _ending(search, study, settings, storage, ledger),
        ):
            _evaluate(search, server, settings, storage, [bar, *settings.callbacks], ledger)
            _check_end(result, storage)
        detached = _detached(study, settings)
        return SearchResult(detached, search.space, goals, search.evaluator)


def _measured_first(search: Search, settings: RunSettings) -> MeasureFirst:
    """Return what this process measures before it chooses a network for a worker.

    Nothing by default where an executor runs the workers: they may be on other machines.
    """
    is_elsewhere = settings.executor is not None and search.measure_first is True
    return MeasureFirst() if is_elsewhere else search.measured_first()


def _evaluate(
    search: Search,
    server: ProposalServer,
    settings: RunSettings,
    storage: Storage | None,
    callbacks: Sequence[Callback],
    ledger: Ledger,
) -> None:
    """Evaluate in this process, or coordinate the workers that do."""
    if settings.alone:
        since = len(server.study.get_trials(deepcopy=False))
        work(search, server, callbacks, ledger, since=since)
        return
    assert storage is not None  # several workers share a storage
    coordinate(search, server, storage, settings.n_jobs, settings.executor, callbacks, ledger)


def _bar(result: SearchResult, settings: RunSettings, server: ProposalServer) -> ProgressBar:
    """Return the progress bar of the search."""
    budget = budget_of(result.study)
    return ProgressBar(result, budget, settings.progress, server.awaits_first_model)


@own_settings()
def _open(
    search: Search, settings: RunSettings, storage: Storage | None
) -> tuple[optuna.Study, int]:
    """Open the study, add warm-start trials, set seed and budget, and release dead workers' trials.

    Failed evaluations of earlier calls are queued again. Returns the study and its seed.
    """
    sampler = search.sampler(settings.seed)
    study = open_study(
        storage,
        settings.study_name,
        search.goals,
        search.describe(),
        sampler,
        space=search.space,
        on_mismatch=settings.on_mismatch,
    )
    set_constraints(study, search.limits)
    if settings.warm_start is not None:
        add_known(study, search, settings.warm_start)
    seed = _remembered_seed(study, sampler.seed)
    if seed != sampler.seed:
        study.sampler = search.sampler(seed)
    _set_budget(study, settings.budget)
    release_dead(study)
    if n := reopen(study):
        _logger.warning("%d architecture(s) that failed before will be tried again", n)
    return study, seed


def _set_budget(study: optuna.Study, given: Given | None) -> None:
    before, budget = budget_of(study), None if given is None else Budget.given(given)
    if not (before or budget):
        raise InvalidArgument(
            f"the study {study.study_name!r} has no budget yet; say how many architectures its "
            "workers are to evaluate in total: budget=40, or --budget 40; or for how long: "
            'budget="4h"'
        )
    if budget is not None and before != budget:
        budget.write(study)
        known = study.get_trials(deepcopy=False)
        is_less = before.unit == budget.unit and before.amount > budget.amount
        if is_less and not budget.is_used(known, reopened_below(study, known)):
            _logger.warning("the budget of the study changed from %s to %s", before, budget)


def _remembered_seed(study: optuna.Study, seed: int) -> int:
    """Return the seed that the study was begun with; store ``seed`` if it is new."""
    stored = SEED.read(study)
    if stored is None:
        SEED.write(study, seed)
        stored = SEED.read(study)  # if two processes begin at once: that of the later one
    return seed if stored is None else stored


@contextmanager
def _storage_for(settings: RunSettings) -> Iterator[Storage | None]:
    """Yield where the study is stored: for several workers a temporary file if nowhere else."""
    if settings.storage is not None or settings.alone:
        yield settings.storage
        return
    with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
        yield str(Path(folder) / "study.log")


def _detached(study: optuna.Study, settings: RunSettings) -> optuna.Study:
    """Return the study, copied to memory if its storage was a temporary file."""
    if settings.storage is not None or isinstance(storage_of(study), InMemoryStorage):
        return study
    memory, name = InMemoryStorage(), study.study_name
    optuna.copy_study(from_study_name=name, from_storage=storage_of(study), to_storage=memory)
    return optuna.load_study(study_name=name, storage=memory, sampler=study.sampler)


@contextmanager
def _ending(
    search: Search,
    study: optuna.Study,
    settings: RunSettings,
    storage: Storage | None,
    ledger: Ledger,
) -> Iterator[None]:
    """End the search on Ctrl-C and the process on SIGTERM; running trials are released by then.

    An error leaves with the study, and with the rows that ``storage`` does not hold.
    """
    try:
        yield
    except Terminated:
        _logger.warning("terminated; the same call resumes the study %r", study.study_name)
        raise SystemExit(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:
        _logger.warning("interrupted; the same call resumes the study")
    except (DeviceUnavailable, EvaluationFailed) as error:
        error.study = _detached(study, settings)
        raise
    except Exception as error:
        if isinstance(error, BonasError) and not isinstance(error, StorageUnavailable):
            raise
        lost = ledger.lost(storage, study, [goal.name for goal in search.goals])
        if isinstance(error, StorageUnavailable):
            failure = with_rows(error, lost)
        elif lost:  # the error of a storage that bonas does not know
            failure = with_rows(StorageUnavailable(f"{type(error).__name__}: {error}"), lost)
        else:
            raise
        with suppress(Exception):  # a study that cannot be read is left out
            failure.study = _detached(study, settings)
        if failure is error:
            raise
        raise failure from error


def _check_end(result: SearchResult, storage: Storage | None) -> None:
    """Warn if evaluations of the budget are missing, and check that the journal can be read.

    Raises:
        StorageUnavailable: if what was stored cannot be read any more.
    """
    if result.missing and not is_exhausted(result.study, result.space):
        budget = budget_of(result.study)
        _logger.warning(
            "the search ended before its budget was used: %s%d evaluations of %s are missing; the "
            "same call resumes it",
            "about " if budget.unit == "seconds" else "",
            result.missing,
            budget,
        )
    if note := front_note(result.study, result.space):
        _logger.warning("%s", note)
    journal = journal_file(storage)
    if journal is not None:
        check_journal(journal)
