"""A regressor of scikit-learn that searches for its network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from bonas.deploy.estimators.encoded_targets import EncodedTargets
from bonas.deploy.estimators.search_estimator import SearchEstimator
from bonas.errors import InvalidData

Array = npt.NDArray[Any]


class SearchRegressor(RegressorMixin, SearchEstimator):  # type: ignore[misc]  # untyped in sklearn
    """A regressor that searches for a network, retrains the best one on all rows and predicts.

    ``bonas.SearchRegressor(budget="5min").fit(X, y).predict(X_test)``

    ``y`` holds ``n`` numbers or ``n x outputs``; they are standardised for the training, and
    predictions are in their units, of the same shape. The search minimises ``"rmse"``, or the
    ``metric`` ``"mae"``, or maximises ``"r2"``. All else, parameters and attributes included, is as
    in ``SearchClassifier``, which has ``class_weight`` and ``classes_`` in addition.

    Raises:
        InvalidArgument: for a parameter that cannot work.
        InvalidData: for rows or targets that cannot be used (both are ``ValueError``).
        EvaluationFailed: if no training succeeded.
    """

    _learns_numbers = True

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the predicted numbers, ``n`` or ``n x outputs``.

        Raises:
            NotFittedError: before ``fit``.
            InvalidData: for rows of another shape.
        """
        outputs = self._outputs(X)
        mean, deviation = (np.asarray(part) for part in self._target_scale)
        found: npt.NDArray[np.float64] = outputs * deviation + mean
        return found if self._is_table else found[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _encoded(self, y: Array) -> EncodedTargets:
        self._is_table = y.ndim == 2
        try:
            values = y.astype(np.float64)
        except ValueError as error:
            raise InvalidData(
                f"expected targets that are numbers, got {y.dtype}: {error}; for labels take "
                "bonas.SearchClassifier"
            ) from error
        return EncodedTargets("regression", values, values.shape[1] if self._is_table else 1)

    def _loss_settings(self, targets: EncodedTargets) -> dict[str, Any]:
        return {}
