"""A classifier of scikit-learn that searches for its network."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from torch.nn.functional import cross_entropy

from bonas.deploy.estimators.encoded_targets import EncodedTargets
from bonas.deploy.estimators.inputs import Kind
from bonas.deploy.estimators.search_estimator import SearchEstimator, Select
from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.training.metrics import MetricName
from bonas.spaces import Space
from bonas.studies.budget import Given
from bonas.studies.storages.opening import Storage

Array = npt.NDArray[Any]


class SearchClassifier(ClassifierMixin, SearchEstimator):  # type: ignore[misc]  # untyped in sklearn
    """A classifier that searches for a network, retrains the best one on all rows and predicts.

    ``bonas.SearchClassifier(budget="5min").fit(X, y).predict(X_test)``

    ``X`` is a table ``n x columns``, images ``n x height x width`` or ``n x channels x height x
    width`` (channels may be last, bytes are fine), or sequences ``n x length x features``; see
    ``inputs``. Tables are standardised, images and sequences per channel and feature; categorical
    columns are to be encoded first. ``y`` holds ``n`` labels of any type, or ``n x labels`` of 0
    and 1 where several may hold (then ``predict`` returns such rows, and ``predict_proba`` the
    probability of each label).

    With a budget of time, ``fit`` takes about that long: up to 70 % for the search, the rest for
    the retraining. With a whole number it makes so many trainings, of a length that follows from
    the data alone; then the same ``random_state`` gives the same predictions on one machine, unless
    a latency is measured. ``Ctrl-C`` ends the search, and the best network so far is retrained; a
    second one ends ``fit``. What is measured stays in ``storage``, where there is one.

    Args:
        space: What is searched: any ``bonas.Space`` whose networks take the prepared rows and have
            one output per class. None derives one from the data: perceptrons for tables, mobile
            networks for images, recurrent networks or transformers for sequences.
        budget: A time (``"10min"``, ``"1h 30min"``), or a number of trainings.
        metric: What the search maximises on the validation rows: ``"accuracy"`` (None),
            ``"balanced_accuracy"``, ``"f1"``, or minimises: ``"cross_entropy"``.
        latency: Milliseconds that one row may take on one thread of the CPU, such as ``"<= 5"``;
            True measures it as a second objective: ``result_.front`` is then the trade-off, and the
            most accurate network is taken.
        select: A function of the ``SearchResult`` that returns the candidate to be retrained; None
            takes ``result_.best()``.
        epochs: Of each training, the last one included; None derives them from the number of rows
            and the budget.
        batch_size: Rows per step; None derives it from the number of rows.
        learning_rate: The highest of the schedule; None is 0.003.
        class_weight: ``"balanced"``, or a mapping from class to weight in the loss.
        validation: Share of the rows on which networks are compared.
        inputs: ``"table"``, ``"images"``, ``"sequences"`` or ``"tokens"`` (``n x length`` whole
            numbers); None goes by shape and type: ``bonas.deploy.estimators.inputs`` has the table.
        stopping: Which trainings end early, as in ``bonas.optimize``.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; None is CUDA where there is one.
        n_jobs: Trainings at once, each in its own process.
        storage: Where the study is kept: an Optuna storage, its URL or the path of a journal. The
            same call with the same rows resumes it.
        study_name: Its name. None derives one from rows and settings, so that other data have a
            study of their own; a given name is refused for other data.
        random_state: Seed of the search and of all trainings. None draws one, or is 0 where there
            is a storage, so that the search can be resumed.
        verbose: Above 0 shows a progress bar.

    Attributes:
        classes_: The labels, sorted; for several labels per row their numbers.
        n_features_in_: Length of the second axis of ``X``.
        feature_names_in_: The columns, where ``X`` has names.
        result_: The ``SearchResult``, in memory; ``result_.plot()`` shows it.
        candidate_: What was retrained: ``candidate_.choices``.
        network_: The retrained ``torch.nn.Module``, on the CPU; it takes ``preparation_(X)``.
        preparation_: What standardises rows and gives them to the network.
        search_: The ``bonas.Search``, which holds the rows; it is left out when the estimator is
            pickled.

    Raises:
        InvalidArgument: for a parameter that cannot work.
        InvalidData: for rows or labels that cannot be used (both are ``ValueError``).
        EvaluationFailed: if no training succeeded.
    """

    _learns_numbers = False

    classes_: Array

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
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
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
        super().__init__(
            space,
            budget=budget,
            metric=metric,
            latency=latency,
            select=select,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation=validation,
            inputs=inputs,
            stopping=stopping,
            device=device,
            n_jobs=n_jobs,
            storage=storage,
            study_name=study_name,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row; of several labels per row, 1 where it holds.

        Raises:
            NotFittedError: before ``fit``.
            InvalidData: for rows of another shape.
        """
        outputs = self._outputs(X)
        if self._task == "multi_label":
            return (outputs > 0).astype(np.int64)
        found: Array = self.classes_[outputs.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, ``n x classes``.

        Raises:
            NotFittedError: before ``fit``.
            InvalidData: for rows of another shape.
        """
        outputs = torch.from_numpy(self._outputs(X))
        several = self._task == "multi_label"
        found: npt.NDArray[np.float64] = (
            outputs.sigmoid() if several else outputs.softmax(dim=1)
        ).numpy()
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _encoded(self, y: Array) -> EncodedTargets:
        kind = type_of_target(y)
        if y.ndim == 2:
            return self._several_labels(y, kind)
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise InvalidData(f"{error} For amounts take bonas.SearchRegressor.") from error
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InvalidData(
                f"expected labels of at least 2 classes, got one class, "
                f"{self.classes_[0]}; add rows of another class"
            )
        return EncodedTargets("classification", labels.astype(np.int64), len(self.classes_))

    def _several_labels(self, y: Array, kind: str) -> EncodedTargets:
        if kind != "multilabel-indicator":
            raise InvalidData(
                f"expected n labels, or n x labels of 0 and 1, got {kind} targets of shape "
                f"{y.shape}; fit one classifier per column, as MultiOutputClassifier does"
            )
        if self.class_weight is not None:
            raise InvalidArgument(
                f"expected class_weight for one label per row, got {self.class_weight!r} for "
                f"{y.shape[1]} labels per row; leave it out"
            )
        self.classes_ = np.arange(y.shape[1])
        return EncodedTargets("multi_label", y.astype(np.float32), y.shape[1])

    def _loss_settings(self, targets: EncodedTargets) -> dict[str, Any]:
        """Return the settings of the loss: no smoothing, for the sake of the probabilities."""
        if targets.task == "multi_label":
            return {}
        given: object = self.class_weight
        if given is None:
            return {"label_smoothing": 0.0}
        if given == "balanced":
            return {"label_smoothing": 0.0, "class_weights": "balanced"}
        try:
            weights = compute_class_weight(
                given, classes=self.classes_, y=self.classes_[targets.values]
            )
        except (ValueError, TypeError) as error:
            raise InvalidArgument(
                'class_weight must be None, "balanced" or a mapping from class to weight, got '
                f"{given!r} ({error})"
            ) from error
        tensor = torch.tensor(weights, dtype=torch.float32, device=resolved_device(self.device))
        return {"loss": partial(cross_entropy, weight=tensor)}
