"""Retraining: a candidate's network trained anew, longer and on more rows than in a search.

A search compares networks after a short training. What is deployed is trained by the same recipe
(loss, optimizer, schedule, augmentation) over more epochs, and on the validation rows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from weakref import WeakKeyDictionary

from torch import nn

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import Candidate, Evaluator, ShortTraining, Splits, Stages
from bonas.evaluation.data.joined import joined
from bonas.evaluation.data.splits import Part
from bonas.evaluation.training.initial_weights import InitialWeights, check_initial
from bonas.evaluation.training.row_scores import RowScores

Training = ShortTraining | Callable[[Candidate], ShortTraining]
"""A training, or a function of a candidate that returns its own, as where a trial suggests a
learning rate: ``lambda c: ShortTraining(learning_rate=c.trial.params["rate"])``."""

TrainedRows = Literal["all", "train"]
"""On which rows a network is trained: training and validation rows, or the training rows alone."""

FULL = 10
"""The full schedule has so many times the epochs of the short training, where none are given."""


@dataclass(frozen=True, eq=False, slots=True)
class Retrained:
    """A network trained anew.

    Attributes:
        candidate: The architecture.
        network: In evaluation mode, on the device of the training.
        training: What trained it; ``training.splits`` are the rows.
        curves: A name such as ``"train_loss"`` -> a value per epoch, of the rows it was trained on.
        seconds: Wall time of the training.
    """

    candidate: Candidate
    network: nn.Module
    training: ShortTraining
    curves: Mapping[str, Sequence[float]]
    seconds: float

    def scores(self, part: Part) -> dict[str, float]:
        """Return the training's objectives on rows, such as ``training.splits.validation``."""
        return self.training.score_rows(self.network, self.candidate, part)[0]

    def row_scores(self, part: Part) -> RowScores | None:
        """Return what decides the metric, row by row; None with a score of the user's own."""
        return self.training.score_rows(self.network, self.candidate, part)[1]


def retrain(
    candidate: Candidate,
    training: Training,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    rows: TrainedRows = "all",
    initial: InitialWeights | None = None,
) -> Retrained:
    """Train the network of a candidate anew, by the recipe of a short training.

    It starts from scratch, unless there are initial weights to be fine-tuned. With the epochs and
    the seed of the short training and ``rows="train"``, its weights are those that the search
    trained. No score is computed; the test rows stay sealed.

    Args:
        candidate: The architecture.
        training: The recipe, or a function of the candidate that returns it.
        epochs: Length of the schedule; None is ten times that of the short training.
        seed: Of the training; None is that of the short training.
        rows: ``"all"`` trains on training and validation rows, whose targets decide class weights
            and scale; ``"train"`` on the training rows alone, so that validation rows can judge.
        initial: Weights to start from, such as a ``bonas.supernets.Supernet`` that was trained on
            the training rows of this training.

    Raises:
        InvalidArgument: for a training or a setting that cannot work.
        InvalidData: if training and validation rows cannot be joined.
        EvaluationFailed: if the training diverges.

    >>> import bonas, numpy as np
    >>> space = bonas.spaces.MLPSpace(inputs=4, classes=3, depths=(1,), widths=(8, 16))
    >>> choices = space.sample(np.random.default_rng(0))
    >>> candidate = bonas.Candidate.without_trial(space, choices)
    >>> made = retrain(candidate, ShortTraining("iris", epochs=2), epochs=5)
    >>> len(made.curves["train_loss"]), len(made.training.splits.train)
    (5, 120)
    """
    check_initial(initial, inherit=False)
    own = training_for(training, candidate)
    if rows not in get_args(TrainedRows):
        raise unknown("rows", rows, get_args(TrainedRows))
    longer = full_epochs(own, epochs)
    splits = joined_splits(own) if rows == "all" else own.splits
    if seed is not None:
        check_count("seed", seed, least=0)
    made = own.on(splits, epochs=longer, seed=seed, initial=initial)
    trained = made.train(candidate)
    return Retrained(candidate, trained.network, made, trained.curves, trained.seconds)


def full_epochs(training: ShortTraining, epochs: int | None) -> int:
    """Return the length of the full schedule.

    Raises:
        InvalidArgument: if it is no whole number of at least 1.
    """
    return FULL * training.epochs if epochs is None else check_count("epochs", epochs)


def training_for(training: Training, candidate: Candidate) -> ShortTraining:
    """Return the training of one candidate.

    Raises:
        InvalidArgument: if there is none.
    """
    made: object = training
    if callable(training) and not isinstance(training, ShortTraining):
        made = training(candidate)
    if not isinstance(made, ShortTraining):
        raise InvalidArgument(
            "expected training to be a ShortTraining, or a function of a candidate that returns "
            f"one, got {made!r}; a training loop of your own can be its step, loss and score"
        )
    return made


def training_in(evaluate: Evaluator | Sequence[Evaluator] | None) -> ShortTraining | None:
    """Return the one ``ShortTraining`` among the evaluators of a search; None if there is none.

    Raises:
        InvalidArgument: if there are several.
    """
    if isinstance(evaluate, Stages):
        evaluate = evaluate.evaluators
    parts = evaluate if isinstance(evaluate, Sequence) else [evaluate]
    found = [part for part in parts if isinstance(part, ShortTraining)]
    if len(found) > 1:
        raise InvalidArgument(
            f"expected one training among the evaluators, got {len(found)}; say which is to be "
            "repeated by training=..."
        )
    return found[0] if found else None


def joined_splits(training: ShortTraining) -> Splits:
    """Return the joined rows of a training, which are copied once."""
    if training not in _JOINED:
        _JOINED[training] = joined(training.splits)
    return _JOINED[training]


_JOINED: WeakKeyDictionary[ShortTraining, Splits] = WeakKeyDictionary()
