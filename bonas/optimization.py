"""The one call that searches: ``bonas.optimize``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import Literal

from bonas.encoders import Encoder
from bonas.evaluation import Direction, Evaluator, Objective
from bonas.evaluation.constraint import Constraints
from bonas.evaluation.score_source import ScoreSource
from bonas.result import SearchResult
from bonas.run import RunSettings, run
from bonas.spaces import Space
from bonas.studies.budget import Budget
from bonas.studies.lease import LEASE
from bonas.studies.proposing.candidate_source import Candidates
from bonas.studies.running.worker import Callback
from bonas.studies.running.worker_pool import Executor
from bonas.studies.search import Search
from bonas.studies.stopping.rule import StoppingRule
from bonas.studies.storages.opening import Storage
from bonas.studies.study import OnMismatch
from bonas.studies.warm_start import split_source_tasks
from bonas.surrogates import Surrogate


def optimize(
    space: Space,
    budget: int | str | timedelta,
    *,
    evaluate: Evaluator | Sequence[Evaluator] | None = None,
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None,
    surrogate: str | Surrogate = "mixture",
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    stopping: str | bool | StoppingRule | None = None,
    zero_cost: bool | ScoreSource = True,
    candidates: Candidates | None = None,
    storage: Storage | None = None,
    study_name: str | None = None,
    on_mismatch: OnMismatch = "refuse",
    warm_start: object = None,
    measure_first: bool | float = True,
    constraints: Constraints | None = None,
    isolation: Literal["auto", "process"] | None = "auto",
    time_limit: float | None = None,
    memory_limit: float | None = None,
    artifacts: str | PathLike[str] | None = None,
    seed: int | None = None,
    n_jobs: int = 1,
    executor: Executor | None = None,
    lease: float = LEASE,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Find the Pareto front of ``space``: the architectures that no other dominates.

    The same call with the same ``storage`` and ``study_name`` resumes the search; a larger budget
    extends it. Several processes that make the same call at once are workers of one search. Ctrl-C
    ends it with the result so far; SIGTERM ends the process. Either way, the interrupted
    evaluations are the first of the next call. Evaluations that failed in an earlier call are
    tried again.

    An evaluation that raises ``optuna.TrialPruned`` prunes its trial: the architecture counts as
    evaluated, for the budget too, but adds nothing to the surrogate's training data.
    ``study.stop()`` ends the search, in a callback or, as ``candidate.trial.study.stop()``, in an
    evaluation.

    Args:
        space: The search space.
        budget: Total number of architectures that the study evaluates, by any worker, failed
            evaluations included; one that ``stopping`` has stopped counts the share of its training
            that was spent. Or a time, such as ``"4h"``, ``"90min"``, ``"30s"`` or a ``timedelta``:
            the seconds that the same trials took, proposals included, summed over all workers and
            sessions. The latest call decides.
        evaluate: A function of a ``Candidate`` that returns a mapping from name to number, or
            several whose results are joined. Default: a short training on bundled data of the
            space's kind, and a latency.
        objectives: A mapping from name to ``"maximize"`` or ``"minimize"``. Optional with
            evaluators of bonas, which declare their own.
        surrogate: The name of a surrogate (``"mixture"``, ``"gp"``, ``"embedded_gp"``,
            ``"deep_kernel"``, ``"forest"``, ``"wl"``, ``"gnn"`` or ``"random"``), or a
            ``Surrogate``.
        encoder: The encoders that the surrogate reads; default: those of the named surrogate.
        stopping: Which evaluations end early: ``"default"`` (or True: halving at first, then the
            forecast), ``"halving"`` (those outside the best half at a tenth and at 30 % of the
            training, by dominance), ``"forecast"`` (those whose final values will hardly improve
            the front), ``"median"``, or a ``bonas.studies.StoppingRule``. They need learning
            curves, as ``ShortTraining`` and generators of measurements leave them. Stopped trials
            are pruned ones, see ``SearchResult.stopped``. None lets all run to their end.
        zero_cost: Whether the surrogate reads zero-cost scores of networks, which also lead the
            first proposals. True takes those that an evaluator declares or, if the space builds
            networks, computes some of 60 to 300 networks once that takes at most 5 % of the
            search's time; in short searches there are none. A ``ScoreSource`` computes others.
        candidates: Networks that something else considers good: a list of choices, or a
            ``bonas.studies.CandidateSource`` such as the result of ``bonas.gradient_search``. They
            are every second proposal of the initial design, and among the candidates of the model
            in spaces that are too large to be enumerated; their values are measured as all others
            are. The study stores them once; ``SearchResult.proposed_by`` tells which were tried.
        storage: An Optuna storage, its URL, or the path of a journal; None keeps the study in
            memory.
        study_name: Name of the study in the storage. Default: ``"bonas"``.
        on_mismatch: What to do if the stored study was made for another search: ``"refuse"`` with
            a list of the differences, or ``"fork"``: continue in a study ``<name>-2`` (or -3, ...)
            with those of its trials whose values are valid for this search. The same call resumes
            the fork. Added options of a parameter are not a mismatch.
        warm_start: Known results of the same task: a ``SearchResult`` or an Optuna study, a list of
            these, a list of pairs (choices, mapping from objective to value), or a table with
            ``to_dict("records")`` such as a pandas ``DataFrame``. They become finished trials of
            the study, once, and do not count towards the budget.
            A ``bonas.studies.SourceTask`` of another task or device, alone or in the list, becomes
            a transfer prior, whose weight the search learns; so does a trained ``Supernet``, by its
            scores of 500 networks.
        measure_first: Whether cheap objectives, such as a latency, are measured for the best
            candidates before one of these is chosen for training, where ``evaluate`` has evaluators
            that declare a small ``cost`` next to others. The results are stored in the study, and
            a trial reuses its network's. A number is the share of the wall time that such
            measurements may take at most; True: a tenth, and with an ``executor``, whose machines
            this process cannot measure, none.
        constraints: What a network must keep to be on the front: a measurement's name -> its
            bounds, in its unit, such as ``{"latency": "<= 5", "parameters": "<= 1e6"}``, or a list
            of ``bonas.evaluation.Constraint``. Of objectives or of anything else that
            ``evaluate`` returns; ``parameters`` and ``flops`` are also known where the space knows
            the costs of its networks. Once five networks are trained, one that is measured to
            violate a constraint before its training is not trained, and counts a tenth of an
            evaluation. The latest call decides: other bounds may be given when a search is resumed.
        seed: Seed of every random number generator. A resumed study keeps its original seed.
        isolation: ``"process"`` evaluates each candidate in a fresh process: a segmentation fault
            or an endless loop costs one trial. Changes to objects of this process are lost there.
            ``"auto"`` does so once the evaluation of one network has ended two processes, in any
            worker or call, or if there is a limit; None never.
        time_limit: Seconds that an evaluation may take, such as 600; it is killed after that.
        memory_limit: Bytes of memory that an evaluation's process may have, such as 4e9 (Linux).
        artifacts: Folder that gets a drawing of each network while it is evaluated; the trial gets
            a note with the drawing and named values. ``optuna-dashboard --artifact-dir`` of the
            folder shows both. They cannot be added to a trial later; ``bonas dashboard`` shows
            them without this, where it knows the space.
        n_jobs: Number of workers that evaluate at once, each in its own process; they share the
            CPU's threads. A latency is then measured on a busy machine.
        executor: Runs the ``n_jobs`` workers elsewhere: an executor of ``concurrent.futures``, a
            Dask client's ``get_executor()``, a submitit executor. Workers must reach ``storage``.
        lease: Seconds without a heartbeat after which a worker on another host counts as dead and
            its trial is evaluated again.
        progress: Whether to show a progress bar.
        callbacks: Functions of (study, finished trial), called in this process after each
            evaluation.

    Raises:
        BonasError: for an invalid argument, a storage that cannot be opened, a study of another
            search, an evaluation that does not return the objectives, or the same failure five
            times in a row.
    """
    Budget.given(budget)
    source_tasks, same = split_source_tasks(warm_start)
    search = Search(
        space,
        evaluate,
        objectives,
        surrogate,
        encoder,
        source_tasks,
        stopping,
        zero_cost,
        measure_first,
        constraints,
        isolation,
        time_limit,
        memory_limit,
        candidates,
        artifacts,
    )
    settings = RunSettings(
        storage=storage,
        study_name=study_name,
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
    return run(search, settings)
