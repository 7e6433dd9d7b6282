"""One call that searches: ask, build, train, time, tell, until the budget is used."""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial
from tqdm.auto import tqdm

from bonas.arguments import check_count, check_positive
from bonas.encoders import Encoder
from bonas.errors import BonasError, EvaluationFailed, InvalidArgument, StorageUnavailable
from bonas.evaluation import Direction, Evaluator, Objective
from bonas.result import SearchResult
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies import open_study
from bonas.studies.attributes import ignored_in_study, is_whole
from bonas.studies.running import trials
from bonas.studies.running.interrupts import Terminated
from bonas.studies.running.leader import lead, release_dead
from bonas.studies.running.lease import LEASE, Worker
from bonas.studies.running.ledger import Ledger, with_rows
from bonas.studies.running.retries import reopen
from bonas.studies.running.trials import BUDGET, budget_of
from bonas.studies.running.worker import Callback, work
from bonas.studies.running.worker_pool import Executor
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search
from bonas.studies.storages.journal import check_journal, journal_file
from bonas.studies.storages.opening import Storage
from bonas.studies.study import OnMismatch
from bonas.studies.warm_start import add_known, split_source_tasks
from bonas.surrogates import Surrogate

_logger = logging.getLogger(__name__)

SEED = "bonas:seed"
"""The study's user attribute that holds the search's seed."""


def optimize(
    space: Space,
    budget: int,
    *,
    evaluate: Evaluator | Sequence[Evaluator] | None = None,
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None,
    surrogate: str | Surrogate = "mixture",
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    storage: Storage | None = None,
    study_name: str | None = None,
    on_mismatch: OnMismatch = "refuse",
    warm_start: object = None,
    seed: int | None = None,
    n_jobs: int = 1,
    executor: Executor | None = None,
    lease: float = LEASE,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Find the architectures of ``space`` that no other beats in all objectives at once.

    The same call with the same ``storage`` and ``study_name`` goes on where it stopped; a larger
    budget extends the search. Several processes that make the same call at once are workers of one
    search. Ctrl-C ends it with the result so far; SIGTERM ends the process. Either way what was
    being evaluated is the next to be evaluated. What failed in an earlier call is tried again.

    An evaluation that raises ``optuna.TrialPruned`` prunes its trial: the architecture counts as
    tried, for the budget too, and teaches the surrogate nothing. ``study.stop()`` ends the search,
    in a callback or, as ``candidate.trial.study.stop()``, in an evaluation.

    Args:
        space: Which architectures are possible.
        budget: How many architectures the study evaluates in all, failed evaluations included,
            whoever evaluates them. The latest call decides.
        evaluate: A function of a ``Candidate`` that returns a name -> a number, or several whose
            results are joined; by default a short training on ``"digits"`` and a latency.
        objectives: A name -> ``"maximize"`` or ``"minimize"``; may be left out with evaluators of
            bonas, which know theirs.
        surrogate: ``"mixture"``, ``"gp"``, ``"gnn"``, ``"random"``, or a ``Surrogate``.
        encoder: What the surrogate reads; by default what suits it.
        storage: An Optuna storage, its URL, or the path of a journal; None keeps the study in
            memory.
        study_name: The study's name in the storage; ``"bonas"`` by default.
        on_mismatch: What to do if the study of that name was made for something else: ``"refuse"``
            with the list of what differs, or ``"fork"``: go on in a study ``<name>-2`` (or -3, ...)
            with those of its trials whose values hold for this search. The same call resumes the
            fork. Options that were added to parameters are no mismatch.
        warm_start: What is known of the same task: a ``SearchResult`` or an Optuna study, a list of
            these, a list of pairs (choices, an objective's name -> its value), or a table with
            ``to_dict("records")`` such as a pandas ``DataFrame``. It becomes finished trials of the
            study, once, which the budget does not count.
            A ``bonas.studies.SourceTask``, alone or in the list, holds measurements of another task
            or device: they become a transfer prior whose weight the search learns.
        seed: Of everything random; a stored study remembers its own.
        n_jobs: How many workers evaluate at once, each in a process of its own, which share the
            CPU's threads. A measured latency is that of a busy machine then.
        executor: Runs the ``n_jobs`` workers elsewhere: an executor of ``concurrent.futures``, a
            Dask client's ``get_executor()``, a submitit executor. They have to reach ``storage``.
        lease: Seconds without a sign of life after which a worker on another host counts as dead,
            and its trial is evaluated again.
        progress: Whether to show a progress bar.
        callbacks: Functions of the study and the finished trial, called after each evaluation, in
            this process.

    Raises:
        BonasError: for an argument that cannot work, a storage that cannot be opened, a study that
            was made for something else, an evaluation that does not return the objectives, or the
            same failure five times in a row.
    """
    source_tasks, same = split_source_tasks(warm_start)
    search = Search(space, evaluate, objectives, surrogate, encoder, source_tasks)
    check_count("budget", budget)
    return join(
        search,
        storage,
        study_name,
        budget=budget,
        on_mismatch=on_mismatch,
        warm_start=same,
        seed=seed,
        n_jobs=n_jobs,
        executor=executor,
        lease=lease,
        progress=progress,
        callbacks=callbacks,
    )


def join(
    search: Search,
    storage: Storage | None,
    study_name: str | None = None,
    *,
    budget: int | None = None,
    on_mismatch: OnMismatch = "refuse",
    warm_start: object = None,
    seed: int | None = None,
    n_jobs: int = 1,
    executor: Executor | None = None,
    lease: float = LEASE,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Work on a study till its budget is used; ``optimize`` for a ``Search`` that is made already.

    Args:
        search: What is searched.
        storage: Where the study is; None keeps it in memory.
        study_name: Its name there; ``"bonas"`` by default.
        budget: How many architectures the study evaluates in all; None leaves it as it is.
        on_mismatch: As ``optimize`` takes it, like all that follows.
        warm_start: What is known of the same task.
        seed: Of everything random.
        n_jobs: How many workers evaluate at once.
        executor: Runs them elsewhere.
        lease: Seconds without a sign of life after which a worker counts as dead.
        progress: Whether to show a progress bar.
        callbacks: Called after each evaluation.

    Raises:
        BonasError: as ``optimize`` does; ``InvalidArgument`` if there is no budget.
    """
    check_count("n_jobs", n_jobs)
    _check_others(lease, callbacks)
    search.space.architecture(search.space.sample(np.random.default_rng(0)))  # raises if broken
    alone = n_jobs == 1 and executor is None
    with _shared(storage, alone) as place:
        study = _ready(search, place, study_name, budget, on_mismatch, warm_start, seed)
        result = SearchResult(study, search.space, search.goals)
        bar = _Bar(result, budget_of(study), progress)
        ledger = Ledger()
        with closing(bar), _ending(search, study, storage, place, ledger):
            heard: list[Callback] = [bar, *callbacks]
            if alone:
                since = len(study.get_trials(deepcopy=False))
                work(search, study, Worker.here(lease), heard, ledger, since=since)
            else:
                assert place is not None  # what several share is somewhere
                lead(search, study, place, n_jobs, executor, lease, heard, ledger)
            _check_end(result, place)
        return SearchResult(_kept(study, storage), search.space, search.goals)


@own_settings()
def _ready(
    search: Search,
    storage: Storage | None,
    name: str | None,
    budget: int | None,
    on_mismatch: OnMismatch,
    warm_start: object,
    seed: int | None,
) -> optuna.Study:
    """The study, with all that is known, its seed and its budget; what dead workers left is free.

    The other arguments are those of ``join``.
    """
    sampler = search.sampler(seed)
    study = open_study(
        storage,
        name,
        search.goals,
        search.describe(),
        sampler,
        space=search.space,
        on_mismatch=on_mismatch,
    )
    if warm_start is not None:
        add_known(study, search, warm_start)
    sampler.seed = _remembered_seed(study, sampler.seed)
    _set_budget(study, budget)
    release_dead(study)
    if n := reopen(study):
        _logger.warning("%d architecture(s) that failed before will be tried again", n)
    return study


@contextmanager
def _shared(storage: Storage | None, alone: bool) -> Iterator[Storage | None]:
    """Where the study is; for several workers a file for as long as they work, if nowhere else."""
    if storage is not None or alone:
        yield storage
        return
    with tempfile.TemporaryDirectory(prefix="bonas-") as folder:
        yield str(Path(folder) / "study.log")


def _kept(study: optuna.Study, storage: Storage | None) -> optuna.Study:
    """The study, or its copy in memory where it was in a file only for the workers."""
    if storage is not None or isinstance(study._storage, InMemoryStorage):
        return study
    memory, name = InMemoryStorage(), study.study_name
    optuna.copy_study(from_study_name=name, from_storage=study._storage, to_storage=memory)
    return optuna.load_study(study_name=name, storage=memory, sampler=study.sampler)


@contextmanager
def _ending(
    search: Search,
    study: optuna.Study,
    storage: Storage | None,
    place: Storage | None,
    ledger: Ledger,
) -> Iterator[None]:
    """Ctrl-C ends the search, SIGTERM the process; the trials under way are released by then.

    An error brings along the study, and what its ``place`` does not hold.
    """
    try:
        yield
    except Terminated:
        _logger.warning("told to end; the same call goes on with the study %r", study.study_name)
        raise SystemExit(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:
        _logger.warning("interrupted; the same call goes on with the study")
    except EvaluationFailed as error:
        error.study = _kept(study, storage)
        raise
    except Exception as error:
        if isinstance(error, BonasError) and not isinstance(error, StorageUnavailable):
            raise
        lost = ledger.lost(place, study, [goal.name for goal in search.goals])
        if isinstance(error, StorageUnavailable):
            told = with_rows(error, lost)
        elif lost:  # of a storage that is none of bonas's
            told = with_rows(StorageUnavailable(f"{type(error).__name__}: {error}"), lost)
        else:
            raise
        with suppress(Exception):  # the rows are what there is, then
            told.study = _kept(study, storage)
        if told is error:
            raise
        raise told from error


def _check_end(result: SearchResult, storage: Storage | None) -> None:
    """See that all is there that should be.

    Raises:
        StorageUnavailable: if what was stored cannot be read any more.
    """
    sampler = result.study.sampler
    assert isinstance(sampler, ArchitectureSampler)
    if result.missing and not sampler.exhausted(result.study):
        _logger.warning(
            "the search ended before its budget was used: %d evaluations of %d are missing; the "
            "same call goes on",
            result.missing,
            budget_of(result.study),
        )
    journal = journal_file(storage)
    if journal is not None:
        check_journal(journal)


def _set_budget(study: optuna.Study, budget: int | None) -> None:
    before = budget_of(study)
    if not (before or budget):
        raise InvalidArgument(
            f"the study {study.study_name!r} has no budget yet; say how many architectures its "
            "workers are to evaluate in all: budget=40, or --budget 40"
        )
    if budget is not None and before != budget:
        study.set_user_attr(BUDGET, budget)
        if before > budget > trials.evaluated(study):
            _logger.warning("the budget of the study was %d; it is %d now", before, budget)


def _check_others(lease: object, callbacks: Sequence[Callback]) -> None:
    check_positive("lease", lease, finite=False, advice="give the seconds of silence")
    for callback in callbacks:
        if not callable(callback):
            raise InvalidArgument(
                f"callbacks must be functions of (study, trial), got {callback!r}"
            )


def _remembered_seed(study: optuna.Study, seed: int) -> int:
    """The seed that the study was begun with; ``seed`` where it is only beginning."""
    stored: object = study.user_attrs.get(SEED)
    if not is_whole(stored):
        if stored is not None:
            ignored_in_study(study, SEED, f"a whole number was expected, got {stored!r:.200}")
        study.set_user_attr(SEED, seed)
        stored = study.user_attrs[SEED]  # of two that begin at once, the later one's
    return stored if is_whole(stored) else seed


class _Bar:
    """A progress bar over the budget, which shows the front; used as a callback."""

    def __init__(self, result: SearchResult, budget: int, visible: bool) -> None:
        self.result, self.budget = result, budget
        done = min(trials.evaluated(result.study), budget)
        self.bar = tqdm(total=budget, initial=done, disable=not visible, unit="network")

    def close(self) -> None:
        """End the bar's line."""
        self.bar.close()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.bar.update(min(self.budget, trials.evaluated(study)) - self.bar.n)
        if not self.bar.disable:
            waits = isinstance(study.sampler, ArchitectureSampler) and study.sampler.waits(
                trials.evaluated(study)
            )
            doing = ", reading the space for the first model" if waits else ""
            self.bar.set_postfix_str(self.result.headline() + doing)
