"""Facts about the family of errors."""

from __future__ import annotations

import inspect

import pytest

import bonas.errors
from bonas.errors import BonasError, EvaluationFailed, StorageUnavailable, unknown

FAMILY = [
    kind
    for kind in vars(bonas.errors).values()
    if inspect.isclass(kind) and kind.__module__ == "bonas.errors"
]
BUILT_IN = {
    "InvalidGraph": ValueError,
    "InvalidSpace": ValueError,
    "InvalidArgument": ValueError,
    "MissingBuilder": NotImplementedError,
    "InvalidData": ValueError,
    "MissingData": FileNotFoundError,
    "MissingPackage": ImportError,
    "StudyMismatch": ValueError,
    "CheckpointMismatch": ValueError,
    "UnsharableWeights": ValueError,
    "StorageUnavailable": RuntimeError,
    "DeviceUnavailable": RuntimeError,
    "EvaluationFailed": RuntimeError,
    "NotFinite": RuntimeError,
    "ObjectivesMissing": RuntimeError,
    "SealedRows": PermissionError,
    "NoScore": ValueError,
    "FitFailed": RuntimeError,
}


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_is_one_of_bonas_and_one_that_python_knows(kind: type[BonasError]) -> None:
    assert issubclass(kind, BonasError)
    if kind is not BonasError:
        assert issubclass(kind, BUILT_IN[kind.__name__])


def test_an_unknown_name_is_listed_with_the_known_ones_in_order() -> None:
    error = unknown("surrogate", "tree", ["gp", "forest", "mixture"])
    assert str(error) == "unknown surrogate 'tree'; expected one of 'forest', 'gp', 'mixture'"


def test_an_error_holds_nothing_of_another() -> None:
    one = StorageUnavailable("away")
    one.rows, one.study = [({}, {"accuracy": 1.0})], object()
    assert (StorageUnavailable.rows, StorageUnavailable("away").study) == ((), None)
    failed = EvaluationFailed("no")
    failed.values = {"accuracy": 1.0}
    assert EvaluationFailed.values == {}
