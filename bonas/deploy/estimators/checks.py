"""Checks of what a user gives to an estimator: scikit-learn's, with errors of bonas.

scikit-learn's checks raise ``ValueError``; here each is an ``InvalidData`` too, with its message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from bonas.errors import BonasError, InvalidData

Array = npt.NDArray[Any]
LEAST_ROWS = 3  # two to train on, one to score on


def checked_rows(estimator: BaseEstimator, X: object) -> Array:
    """Return the rows to predict, with the features that the estimator was fitted on.

    Raises:
        InvalidData: if they are not finite numbers, or have other features.
        TypeError: if an element is no number at all, as scikit-learn does.
    """
    _refuse_unsuitable(X)
    with _as_invalid_data():
        rows: Array = validate_data(estimator, X, reset=False, allow_nd=True)
    return rows


def checked_pair(
    estimator: BaseEstimator, X: object, y: Any, *, numbers: bool
) -> tuple[Array, Array]:
    """Return rows and targets, and set ``n_features_in_`` and ``feature_names_in_``.

    Args:
        estimator: That is fitted.
        X: Its rows.
        y: Its targets: one per row, or ``n x outputs``. A column ``n x 1`` is taken as ``n``.
        numbers: Whether targets must be numbers.

    Warns:
        DataConversionWarning: for a column of targets.

    Raises:
        InvalidData: if they cannot be used; at least 3 rows are needed.
        TypeError: if an element is no number at all, as scikit-learn does.
    """
    _refuse_unsuitable(X)
    if issparse(y):
        raise InvalidData("expected dense targets, got a sparse matrix; give y.toarray()")
    with _as_invalid_data():
        shape = () if y is None else getattr(y, "shape", np.asarray(y).shape)
        rows, targets = validate_data(
            estimator,
            X,
            y,
            allow_nd=True,
            multi_output=len(shape) == 2 and shape[1] > 1,
            y_numeric=numbers,
            ensure_min_samples=LEAST_ROWS,
        )
    return rows, targets


@contextmanager
def _as_invalid_data() -> Iterator[None]:
    try:
        yield
    except BonasError:
        raise
    except ValueError as error:
        raise InvalidData(str(error)) from error


def _refuse_unsuitable(X: Any) -> None:
    """Refuse sparse matrices and columns that are not numbers, with what to do instead.

    Raises:
        InvalidData: for these.
    """
    if issparse(X):
        raise InvalidData(
            f"expected a dense array, got a sparse {type(X).__name__}: networks do not take sparse "
            "input; give X.toarray(), or reduce it first, as by TruncatedSVD in a Pipeline"
        )
    kinds = getattr(X, "dtypes", None)
    if kinds is None or not hasattr(X, "columns"):
        return
    unsuited = [
        name
        for name, kind in zip(X.columns, kinds, strict=True)
        if getattr(kind, "kind", "O") in "MmU" or (_is_object(kind) and not _has_numbers(X[name]))
    ]
    if unsuited:
        raise InvalidData(
            f"expected columns of numbers, got others: {', '.join(map(repr, unsuited[:5]))}; "
            "encode them first, as by OneHotEncoder in a ColumnTransformer of a Pipeline"
        )


def _is_object(kind: Any) -> bool:
    return getattr(kind, "kind", "O") == "O"


def _has_numbers(column: Any) -> bool:
    """Return whether a column of objects holds numbers; categories, texts and mixtures do not."""
    if str(column.dtype) == "category":
        return False
    return not any(isinstance(value, (str, bytes)) for value in column)
