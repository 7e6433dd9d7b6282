"""What the estimators share: prepare the rows, search, retrain the best network, and predict."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import FrozenTrial
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from bonas.arguments import check_count
from bonas.deploy.estimators.checks import checked_pair, checked_rows
from bonas.deploy.estimators.default_space import default_space
from bonas.deploy.estimators.encoded_targets import EncodedTargets
from bonas.deploy.estimators.holdout import held_out, thinned
from bonas.deploy.estimators.inputs import Kind, Preparation
from bonas.deploy.estimators.prediction import outputs_for
from bonas.deploy.estimators.schedule import SEARCH_SHARE, Schedule, seconds_per_step
from bonas.deploy.estimators.study import SCHEDULE, name_of_study, stored_schedule, without_storage
from bonas.deploy.retraining import retrain, training_in
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Candidate, Evaluator, Latency, ShortTraining
from bonas.evaluation.data.targets import Task
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.training.metrics import MetricName
from bonas.result import SearchResult
from bonas.run import RunSettings, run
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.budget import Budget, Given
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage

Array = npt.NDArray[Any]
Select = Callable[[SearchResult], Candidate]
"""A function that chooses which candidate of a search is retrained."""

_logger = logging.getLogger(__name__)

_SEEDS = 2**31 - 1
_MIXTURE_PAYS = 120.0  # seconds of a search
_SCORED = 2  # rows that a retraining is given for validation; their score is not used


class SearchEstimator(BaseEstimator):  # type: ignore[misc]  # untyped in sklearn
    """An estimator that searches for its network; ``SearchClassifier`` documents its parameters.

    The constructor only stores them, and ``fit`` checks them.
    """

    _learns_numbers: ClassVar[bool]

    n_features_in_: int
    result_: SearchResult
    candidate_: Candidate
    network_: nn.Module
    preparation_: Preparation
    search_: Search

    def __init__(
        self,
        space: Space | None = None,
        *,
        budget: Given = "10min",
        metric: MetricName | None = None,
        latency: str | float | Literal[True] | None = None,
        select: Select | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        validation: float = 0.2,
        inputs: Kind | None = None,
        stopping: str | bool | None = None,
        device: str | None = None,
        n_jobs: int = 1,
        storage: Storage | None = None,
        study_name: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.space = space
        self.budget = budget
        self.metric = metric
        self.latency = latency
        self.select = select
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.inputs = inputs
        self.stopping = stopping
        self.device = device
        self.n_jobs = n_jobs
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Search for a network, retrain the best one on all rows, and return the estimator.

        Args:
            X: The rows: a table, images or sequences, see the class.
            y: Their targets.

        Warns:
            DataConversionWarning: for a column of targets, ``n x 1``.

        Raises:
            BonasError: see the class.
        """
        began = time.perf_counter()
        budget = self._checked_budget()
        X, y = checked_pair(self, X, y, numbers=self._learns_numbers)
        targets = self._encoded(y)
        self.preparation_ = Preparation.of(X, self.inputs)
        fitting = _Fitting(self.preparation_(X), targets, self._seed(), budget, began)
        schedule = self._search(fitting)
        self._retrain(fitting, schedule)
        return self

    @abstractmethod
    def _encoded(self, y: Array) -> EncodedTargets:
        """Return the targets as a training takes them; keep what predictions need of them."""

    @abstractmethod
    def _loss_settings(self, targets: EncodedTargets) -> dict[str, Any]:
        """Return the arguments of ``ShortTraining`` that decide the loss."""

    def _outputs(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the network's outputs, ``n x outputs``."""
        check_is_fitted(self, "network_")
        rows = self.preparation_(checked_rows(self, X))
        return outputs_for(
            self.network_,
            self.result_.space,
            rows,
            task=self._task,
            outputs=self._n_outputs,
            device=self.device,
        )

    def _checked_budget(self) -> Budget:
        """Return the budget, after a check of the parameters that nothing else checks.

        Raises:
            InvalidArgument: if one cannot work.
        """
        if self.space is not None and not isinstance(self.space, Space):
            raise InvalidArgument(
                f"space must be a bonas.Space or None, got {self.space!r}; as in "
                "bonas.spaces.MLPSpace(inputs=X.shape[1], classes=3)"
            )
        if self.select is not None and not callable(self.select):
            raise InvalidArgument(
                "select must be a function of a SearchResult that returns one of its candidates, "
                f"got {self.select!r}"
            )
        if self.epochs is not None:
            check_count("epochs", self.epochs)
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size, least=2)
        return Budget.given(self.budget)

    def _seed(self) -> int:
        if self.random_state is None and self.storage is not None:
            return 0  # so that the same call finds its study again
        seed: int = check_random_state(self.random_state).randint(_SEEDS)
        return seed

    def _search(self, fitting: _Fitting) -> Schedule:
        """Search; set what the search leaves, and return the schedule of its trainings."""
        targets = fitting.targets
        space = self.space or default_space(self.preparation_, targets.outputs)
        train, validation = held_out(targets.strata, self.validation, fitting.seed)
        name = self.study_name or name_of_study(
            type(self).__name__,
            space.describe(),
            self._settings(),
            fitting.seed,
            fitting.rows,
            targets.values,
        )
        schedule = stored_schedule(self.storage, name)
        if schedule is None:
            schedule = self._schedule(space, fitting, train)
        train = thinned(train, targets.strata, schedule.rows, fitting.seed)
        share = len(fitting.rows) * self.validation
        few = thinned(validation, targets.strata, max(schedule.rows, int(share)), fitting.seed)
        training = self._training(fitting, schedule, train, few)
        self.search_ = self._search_for(space, training, fitting)
        found = run(self.search_, self._run_settings(fitting, name, schedule))
        self.result_ = without_storage(found)
        return schedule

    def _schedule(self, space: Space, fitting: _Fitting, train: Array) -> Schedule:
        """Return the schedule for the rows, and within a time for the speed of this machine."""
        kind = self.preparation_.kind
        schedule = Schedule.of(kind, len(train), epochs=self.epochs, batch_size=self.batch_size)
        if fitting.budget.unit != "seconds":
            return schedule
        with own_settings():
            batch = fitting.rows[: schedule.batch_size]
            per_step = seconds_per_step(space, batch, self._threads, self.device, fitting.seed)
        left = fitting.left_for_search() * self.n_jobs
        return schedule.within(left, per_step, fixed_epochs=self.epochs is not None)

    def _training(
        self, fitting: _Fitting, schedule: Schedule, train: Array, validation: Array
    ) -> ShortTraining:
        """Return the training of the search."""
        return ShortTraining(
            (fitting.part(train), fitting.part(validation)),
            task=fitting.targets.task,
            metric=self.metric,
            epochs=schedule.epochs,
            batch_size=schedule.batch_size,
            learning_rate=self.learning_rate,
            device=self.device,
            threads=self._threads,
            seed=fitting.seed,
            **self._loss_settings(fitting.targets),
        )

    def _search_for(self, space: Space, training: ShortTraining, fitting: _Fitting) -> Search:
        """Return the search: of the metric alone, under a bound on latency, or of both."""
        evaluate: list[Evaluator] = [training]
        objectives: Sequence[Objective] = training.objectives
        constraints = None
        if self.latency is not None and self.latency is not False:
            evaluate.append(Latency(self.preparation_.shape))
            if self.latency is True:
                objectives = (*objectives, LATENCY)
            else:
                known = isinstance(self.latency, str)
                constraints = {"latency": str(self.latency) if known else f"<= {self.latency}"}
        return Search(
            space,
            evaluate,
            objectives,
            surrogate=self._surrogate(fitting),
            stopping=self.stopping,
            zero_cost=fitting.budget.unit == "seconds",  # how many are scored depends on the clock
            constraints=constraints,
        )

    def _surrogate(self, fitting: _Fitting) -> str:
        """Return the surrogate: the mixture where its first fit of ten seconds pays.

        Its graph features say little of perceptrons, which are chains.
        """
        short = fitting.budget.unit == "seconds" and fitting.left_for_search() < _MIXTURE_PAYS
        return "gp" if short or self.preparation_.kind == "table" else "mixture"

    def _run_settings(self, fitting: _Fitting, name: str, schedule: Schedule) -> RunSettings:
        budget: Given = timedelta(seconds=fitting.left_for_search() * self.n_jobs)
        if fitting.budget.unit != "seconds":
            budget = int(fitting.budget.amount)
        return RunSettings(
            storage=self.storage,
            study_name=name,
            budget=budget,
            seed=fitting.seed,
            n_jobs=self.n_jobs,
            progress=bool(self.verbose),
            callbacks=[_Remember(schedule)],
        )

    def _retrain(self, fitting: _Fitting, schedule: Schedule) -> None:
        """Retrain what was chosen on all rows, and keep what predictions need."""
        found = self.result_
        if not found:
            raise _nothing_trained(found)
        chosen = found.best() if self.select is None else self.select(found)
        if not isinstance(chosen, Candidate):
            raise InvalidArgument(
                f"select must return a candidate of the result, got {chosen!r}; "
                "as in select=lambda result: result.front[0]"
            )
        short = training_in(self.search_.evaluate)
        assert short is not None  # the search was made with it
        n = len(fitting.rows)
        per_row = float(chosen.trial.user_attrs.get("seconds", 0.0)) / (
            short.epochs * schedule.rows
        )
        epochs, fitting_in = schedule.retraining(fitting.left(), per_row, n)
        if fitting_in < n:
            _logger.warning(
                "the budget of %s allows the retraining one pass over %d of %d rows; raise it",
                fitting.budget,
                fitting_in,
                n,
            )
        rows = thinned(np.arange(n), fitting.targets.strata, fitting_in, fitting.seed)
        data = (fitting.part(rows), fitting.part(rows[:_SCORED]))
        on_all = replace(short, data=data, epochs=epochs)
        retrained = retrain(chosen, on_all, epochs=epochs, rows="train")
        scale = on_all.splits.scale
        self.candidate_ = chosen
        self._task: Task = fitting.targets.task
        self._n_outputs = fitting.targets.outputs
        self._target_scale = ((0.0,), (1.0,)) if scale is None else (scale.mean, scale.deviation)
        self.network_ = retrained.network.cpu().eval()
        self.network_.zero_grad()

    @property
    def _threads(self) -> int | None:
        """Threads of a training: one for small networks and for several workers, else torch's."""
        return 1 if self.preparation_.kind == "table" or self.n_jobs > 1 else None

    def _settings(self) -> dict[str, Any]:
        """Return the parameters that decide which study a search belongs to."""
        left_out = ("space", "budget", "select", "device", "n_jobs", "storage", "study_name")
        others = (*left_out, "verbose", "random_state")
        return {k: v for k, v in self.get_params(deep=False).items() if k not in others}

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: all but the rows, which the search and the evaluation hold."""
        state: dict[str, Any] = super().__getstate__()
        kept = {name: value for name, value in state.items() if name != "search_"}
        if isinstance(found := kept.get("result_"), SearchResult):
            kept["result_"] = replace(found, evaluate=None)
        return kept


def _nothing_trained(result: SearchResult) -> EvaluationFailed:
    """Return the error for a search in which no training has succeeded, with its last failure."""
    failures = [text.strip().splitlines()[-1] for text in result.failures.values()]
    if not failures:
        return EvaluationFailed("expected a training before the end of the search, got none")
    error = EvaluationFailed(
        f"expected at least one training that succeeds, got {len(failures)} that failed, the last "
        f"one by {failures[-1]}"
    )
    error.study = result.study
    return error


@dataclass(frozen=True, eq=False, slots=True)
class _Fitting:
    """One call of ``fit``: its rows, its seed and its clock."""

    rows: Tensor
    targets: EncodedTargets
    seed: int
    budget: Budget
    began: float

    def part(self, indices: Array) -> tuple[Tensor, Array]:
        """Return some of the rows with their targets."""
        return self.rows[indices], self.targets.values[indices]

    def left(self) -> float | None:
        """Return the seconds until the end of the budget; None for a number of trainings."""
        if self.budget.unit != "seconds":
            return None
        return self.budget.amount - (time.perf_counter() - self.began)

    def left_for_search(self) -> float:
        """Return the seconds until the search is to end, a tenth of its share at least."""
        whole = SEARCH_SHARE * self.budget.amount
        return max(0.1 * whole, whole - (time.perf_counter() - self.began))


@dataclass(frozen=True, slots=True)
class _Remember:
    """A callback that stores the schedule of a search, so that a later call takes the same."""

    schedule: Schedule

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        if not SCHEDULE.is_in(study):
            SCHEDULE.write(study, self.schedule)
