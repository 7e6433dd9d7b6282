"""A short training: how well an architecture does on the validation rows after a few epochs."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from bonas.arguments import check_count, check_range
from bonas.errors import unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.load import DataSource, Folder, load
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Part, Splits
from bonas.evaluation.data.targets import Task, checked_task
from bonas.evaluation.data.unread import load_unread
from bonas.evaluation.evaluator import StreamingEvaluator
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import Direction, Objective
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.training.description import described
from bonas.evaluation.training.inherited_start import check_inherit, start_inherited
from bonas.evaluation.training.initial_weights import (
    InitialWeights,
    check_initial,
    described_initial,
    start_initial,
)
from bonas.evaluation.training.loss import Loss
from bonas.evaluation.training.metrics import (
    Metric,
    MetricFunction,
    MetricName,
    checked_metric,
    metric_for,
)
from bonas.evaluation.training.procedure import Procedure, Run, Trained
from bonas.evaluation.training.recipe import Recipe, default_rates
from bonas.evaluation.training.row_scores import RowScores
from bonas.evaluation.training.scoring import Score, Scorer, objectives_of
from bonas.evaluation.training.seeds import Seeds
from bonas.evaluation.training.supervised import Augment, LossFunction
from bonas.evaluation.training.suspension import Generators, active, suspended
from bonas.evaluation.training.trainer import Step
from bonas.evaluation.training.user_functions import check_conflicts, check_functions
from bonas.evaluation.weights import checked_folder, keep_weights


@dataclass(frozen=True, eq=False)
class ShortTraining(StreamingEvaluator):
    """Trains a candidate's network and scores it on the validation rows.

    Called with a candidate it returns the metric under its name (by default ``accuracy`` in % for
    classes, ``rmse`` for numbers, ``perplexity`` for tokens), or what ``score`` measures, and
    ``seconds`` (wall time of the training). In a search it leaves learning curves:
    ``candidate.curve("train_loss")``, the mean loss of each epoch, ``"train_accuracy"`` (or another
    metric of bonas, on the training rows, from the passes that train: under 1 % of the time), and
    that of the metric, scored as often as ``validate_every`` says and where a stopping rule looks.

    The same ``seed`` and trial number give the same training on one machine. Torch's random state
    and number of threads are set for the whole process meanwhile and put back afterwards: train one
    network at a time in a process.

    The defaults suit digits: one to two seconds on a core, far from converged, for it is then that
    good and bad cells differ most relative to the noise of a seed (about one percentage point).

    A network keeps the precision that ``build`` chose, and gets its inputs as the space's example
    has them. Its prediction is ``batch x classes`` for labels (or more; one output for two
    classes), ``batch x classes x ...`` for labels of places, as in a segmentation, ``batch x
    labels`` for several labels, ``batch x length x vocabulary`` for next tokens, and of the shape
    of the targets for a regression. Up to ``n x columns`` these are standardised for the training,
    and the metric is in their own units; images are taken as they are.
    ``bonas.evaluation.outputs`` says what of a tuple, a mapping or an object is the prediction, and
    how auxiliary heads are trained.

    Args:
        data: What ``bonas.evaluation.load`` takes: a name such as ``"digits"``, a pair of arrays, a
            ``Dataset``, two of these, two ``DataLoader``. With ``score`` and one of ``loss`` and
            ``step`` only these functions read targets, so that any rows and batches are fine,
            including two iterables (lists, ranges).
        task: ``"classification"``, ``"multi_label"``, ``"regression"`` or ``"next_token"``; None
            derives it from the data.
        metric: What is to be optimised: ``"accuracy"``, ``"balanced_accuracy"``, ``"f1"`` (%),
            ``"cross_entropy"``, ``"perplexity"``, ``"r2"``, ``"rmse"``, ``"mae"``, or a function of
            all validation outputs and targets that returns a number (its name is the metric's).
        direction: ``"maximize"`` or ``"minimize"``, for a function as metric or a score that
            returns a number; for a score that returns several: a name -> its direction.
        loss: A function ``loss(outputs, targets)`` or a module, instead of the usual loss. Outputs
            are what the network returns (for those of torch: its prediction), targets as they are
            in the data, not standardised. The weights of a module are trained along, in a copy.
        step: A function ``step(network, batch)`` that returns the loss of a batch as the data give
            it, on the device, instead of any other loss; bonas minimises it.
        score: A function ``score(network, batches)`` of the trained network, without gradients, and
            the validation batches as the data give them, that returns a name -> a number. Those
            with a ``direction`` are the objectives.
        epochs: Passes over the training rows.
        batch_size: Rows per step, at least 2; a last batch of a single row is left out.
        optimizer: ``"adamw"`` or ``"sgd"`` (with Nesterov momentum 0.9).
        learning_rate: The highest of the schedule; by default 0.003 for adamw, 0.1 for sgd, and a
            tenth of these from ``initial`` weights.
        weight_decay: By default 0.01 for adamw, 0.0005 for sgd.
        label_smoothing: Share of each label that is spread over all classes, in [0, 1); by default
            0.1 for labels and 0 for tokens. Other targets have none.
        class_weights: ``"balanced"`` weighs a label in the loss by the inverse of its share of the
            training rows; None weighs all rows alike.
        augment: A function of a batch of training inputs, on the device, that returns another of
            the same shape and type. What it draws from torch's generators is seeded with the
            training, so it should draw from nothing else.
        schedule: ``"cosine"`` (Loshchilov and Hutter, 2017, without restarts) or ``"one_cycle"``
            (Smith and Topin, 2019).
        precision: ``"bf16"`` trains and scores in mixed precision (autocast to bfloat16).
        validation: Share of the rows on which a network is scored.
        test: Share of the rows kept for the end, which only ``bonas.finalize`` opens.
        folder: Where the files of ``"fashion-mnist"`` are.
        keep_weights: A folder in which the weights of each trained network are kept, for
            ``candidate.trained()``.
        inherit: Start each network from the weights of the nearest trained architecture of the
            study, as far as the two match (``bonas.evaluation.inheritance``); it needs
            ``keep_weights``, a folder that all workers share. It raises the accuracy after a short
            training and spoils the ranking: a value says as much about the parent as about the
            architecture, and is not comparable with one from scratch, so that a study with it is
            another search. ``candidate.lineage`` and ``result.lineages`` show who inherited what.
        initial: Weights from which each network starts, such as a ``bonas.supernets.Supernet`` that
            was trained on these rows. Which weights is part of what a study is for.
        validate_every: Epochs between two points of the metric's learning curve, counted back from
            the last epoch; 0 leaves only that one. A point costs a pass over the validation rows
            (7 to 12 % of an epoch with the default split) and changes no result. None takes as many
            as cost at most about 5 % of the training, and 0 with a metric or a score of your own.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None is CUDA where there is one.
        threads: CPU threads; None leaves torch's setting.
        seed: Of the split of the data and, with the trial's number, of the training.

    Raises:
        InvalidArgument: if a setting is out of its range or does not suit the data's task.
        InvalidData: if the data cannot be used, or a network does not fit it.
        MissingData: if the files of a named data set are not there.
        EvaluationFailed: if a training diverges.
    """

    phase: ClassVar[str] = "training"

    data: DataSource = "digits"
    _: KW_ONLY
    task: Task | None = None
    metric: MetricName | MetricFunction | None = None
    direction: Direction | Mapping[str, Direction] | None = None
    loss: LossFunction | nn.Module | None = None
    step: Step | None = None
    score: Score | None = None
    epochs: int = 4
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    class_weights: Literal["balanced"] | None = None
    augment: Augment | None = None
    schedule: Literal["cosine", "one_cycle"] = "cosine"
    precision: Literal["bf16"] | None = None
    validation: float = 0.2
    test: float = 0.2
    folder: Folder | None = None
    keep_weights: Folder | None = None
    inherit: bool = False
    initial: InitialWeights | None = None
    validate_every: int | None = None
    device: str | None = None
    threads: int | None = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _ = self._recipe
        if self.class_weights not in (None, "balanced"):
            raise unknown("class_weights", self.class_weights, ("balanced",))
        checked_task(self.task)
        check_functions(vars(self))
        check_conflicts(vars(self), unread=self._unread)
        if self.score is None:
            _ = self._given_metric
        else:
            objectives_of(self.score, self.direction)
        check_count("batch_size", self.batch_size, least=2)
        check_count("seed", self.seed, least=0)
        if self.threads is not None:
            check_count("threads", self.threads)
        if self.validate_every is not None:
            check_count("validate_every", self.validate_every, least=0)
        if self.label_smoothing is not None:
            check_range("label_smoothing", self.label_smoothing, 0.0, 1.0)
        if self.keep_weights is not None:
            object.__setattr__(self, "keep_weights", checked_folder(self.keep_weights))
        check_inherit(self.inherit, self.keep_weights)
        check_initial(self.initial, inherit=self.inherit)
        resolved_device(self.device)

    @cached_property
    def splits(self) -> Splits:
        """The data in its three parts, loaded once."""
        if self._unread:
            shares = Shares(self.validation, self.test, self.seed)
            return load_unread(self.data, shares, self.folder)
        return load(
            self.data,
            task=self.task,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
            folder=self.folder,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch."""
        return self.splits.input_shape

    @property
    def classes(self) -> int:
        """How many outputs a network must have, for labels or tokens; 0 for a regression."""
        return self.splits.classes

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The metric, as the one objective, or those of the score."""
        if self.score is not None:
            return objectives_of(self.score, self.direction)
        return (self._metric.objective,)

    def describe(self) -> dict[str, Any]:
        """Return what decides the objectives, as JSON values under their names.

        Device, threads and ``validate_every`` are left out: they change the time a training takes,
        and its result by rounding at most. Settings of later versions are described only where they
        are not the default.
        """
        initial = {} if self.initial is None else {"initial": self._initial}
        found = {**self._described, **initial}
        return {objective.name: dict(found) for objective in self.objectives}

    def measurements(self, candidate: Candidate) -> Generator[Measurement, None, None]:
        """Yield a point of the learning curves per epoch, and then the values that count.

        These are the objectives, whatever else the score measures, and ``seconds``. Between two
        measurements torch's generators and threads are as the program left them.
        """
        device, seeds = resolved_device(self.device), Seeds.of(self.seed, candidate)
        settings = partial(active, Generators(seeds.weights, device), self.threads)
        yield from suspended(self._measurements(candidate, device, seeds), settings)

    def _measurements(
        self, candidate: Candidate, device: torch.device, seeds: Seeds
    ) -> Generator[Measurement, None, None]:
        """Build, train and score a network, under the settings of the training."""
        run = self._prepared(candidate, device, seeds)
        if self.inherit:
            goal = self.objectives[0]
            own, network = self.describe()[goal.name], run.network
            start_inherited(candidate, network, self.splits, run.feed, own, goal, seeds.start)
        yield from run.measurements(candidate.rungs)
        if self.keep_weights is not None:
            keep_weights(candidate, run.network, self.keep_weights)
        yield Measurement({"seconds": run.seconds, **run.values})

    def on(
        self,
        splits: Splits,
        *,
        epochs: int | None = None,
        seed: int | None = None,
        initial: InitialWeights | None = None,
    ) -> ShortTraining:
        """Return the same training on other rows, that keeps no weights; by default from scratch.

        Args:
            splits: Used as they are; their class counts and scale decide the loss.
            epochs: Length of the schedule; None is as before.
            seed: Of the training; None is as before.
            initial: Weights to start from, trained on the training rows of before.

        Raises:
            InvalidArgument: if they were trained on others.
        """
        changed = replace(
            self,
            epochs=self.epochs if epochs is None else epochs,
            seed=self.seed if seed is None else seed,
            keep_weights=None,
            inherit=False,
            initial=initial,
        )
        if initial is not None:  # what was described is kept, too
            vars(changed)["_initial"] = described_initial(initial, self._described)
        vars(changed)["splits"] = splits  # where a cached property keeps its value
        return changed

    def work(self) -> tuple[int, int]:
        """Return the steps of a training, and the passes over all validation rows."""
        return self.procedure.work(resolved_device(self.device))

    def train(self, candidate: Candidate) -> Trained:
        """Train a candidate's network on the training rows, and score it on no others.

        Its weights are those that ``measurements`` trains. It is returned in evaluation mode.

        Raises:
            InvalidData: if the network does not fit the data.
            EvaluationFailed: if the training diverges.
        """
        device, seeds = resolved_device(self.device), Seeds.of(self.seed, candidate)
        with active(Generators(seeds.weights, device), self.threads):
            return self._prepared(candidate, device, seeds).trained()

    def score_rows(
        self, network: nn.Module, candidate: Candidate, part: Part
    ) -> tuple[dict[str, float], RowScores | None]:
        """Score a trained network on any rows; it is left in evaluation mode, on the device.

        Returns:
            The objectives, a name -> a value, and what decides the metric, row by row; None with a
            score of the user's own.

        Raises:
            InvalidData: if the network does not fit the data.
            EvaluationFailed: if its outputs or a score are not finite.
        """
        device = resolved_device(self.device)
        with active(Generators(np.random.SeedSequence(0), device), self.threads):
            scorer = self.procedure.scorer(network.to(device), candidate, device)
            batches = self.procedure.batches(part, device)
            if isinstance(scorer, Scorer):
                rows = scorer.rows(network, batches)
                return {scorer.metric.objective.name: rows.score()}, rows
            names = [objective.name for objective in self.objectives]
            given = Measurement(scorer(network, batches)).checked(names, 0.0).values
            return {name: given[name] for name in names}, None

    def _prepared(self, candidate: Candidate, device: torch.device, seeds: Seeds) -> Run:
        """Build a network, with its initial weights if there are any; return its training."""
        network = candidate.build().to(device)
        run = self.procedure.prepare(network, candidate, device, seeds.shuffler)
        if self.initial is not None:
            start_initial(self.initial, self._initial, candidate, run, seeds.start)
        return run

    @property
    def _unread(self) -> bool:
        """Whether only the user's own functions read targets."""
        return self.score is not None and (self.loss is not None or self.step is not None)

    @property
    def _has_usual_loss(self) -> bool:
        return self.loss is None and self.step is None

    @property
    def _described(self) -> dict[str, Any]:
        """The description without initial weights."""
        smoothing = self._loss.smoothing if self._has_usual_loss else None
        return described(vars(self), self.splits, self._recipe, smoothing)

    @cached_property
    def _initial(self) -> dict[str, Any]:
        """The description of the initial weights when it was first asked for."""
        assert self.initial is not None
        return described_initial(self.initial, self._described)

    @cached_property
    def _recipe(self) -> Recipe:
        given = self.optimizer, self.learning_rate, self.weight_decay
        rate, decay = default_rates(*given, is_fine_tuning=self.initial is not None)
        return Recipe(self.epochs, self.optimizer, rate, decay, self.schedule, self.precision)

    @property
    def _given_metric(self) -> Metric | None:
        return checked_metric(self.metric, self.direction)

    @cached_property
    def _metric(self) -> Metric:
        assert self.splits.task is not None  # else there is a score
        return metric_for(self.splits.task, self._given_metric)

    @cached_property
    def _loss(self) -> Loss:
        return Loss.of(self.splits, self.label_smoothing, balanced=self.class_weights is not None)

    @cached_property
    def procedure(self) -> Procedure:
        return Procedure(
            splits=self.splits,
            recipe=self._recipe,
            batch_size=self.batch_size,
            loss=self._loss if self._has_usual_loss else self.loss,
            step=self.step,
            augment=self.augment,
            metric=None if self.score is not None else self._metric,
            score=self.score,
            objectives=self.objectives,
            validate_every=self.validate_every,
        )
