"""Errors of bonas; each message says what was expected, what was given, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class BonasError(Exception):
    """Base class of all errors that bonas raises on purpose."""


class InvalidGraph(BonasError, ValueError):
    """A graph breaks a rule: a cycle, an index out of range, an unknown label, ..."""


class InvalidSpace(BonasError, ValueError):
    """A space, or choices said to belong to one, breaks a rule."""


class InvalidArgument(BonasError, ValueError):
    """An argument of a public function is of the wrong kind, size or name."""


class MissingBuilder(BonasError, NotImplementedError):
    """A network is to be built, but its space has no ``build``."""


class InvalidData(BonasError, ValueError):
    """A data set cannot be used for training, or a network does not fit it."""


class MissingData(BonasError, FileNotFoundError):
    """Data are missing: a file in a folder, or the optional package that provides them."""


class SealedRows(BonasError, PermissionError):
    """Test rows are read before a network is chosen, or are to be opened a second time."""


class MissingPackage(BonasError, ImportError):
    """An optional package is needed, but not installed."""


class StudyMismatch(BonasError, ValueError):
    """A stored study belongs to another space or other objectives."""


class CheckpointMismatch(BonasError, ValueError):
    """A checkpoint belongs to another space, another training, or another version of the format."""


class StorageUnavailable(BonasError, RuntimeError):
    """A storage cannot be opened, or can no longer be used.

    Attributes:
        rows: Measurements of a search that its storage does not hold, as ``warm_start`` takes them:
            pairs of choices and a mapping from the name of a measurement to its value.
        study: The ``optuna.Study``, if a search ended with this error.
    """

    rows: Sequence[tuple[Mapping[str, Any], Mapping[str, float]]] = ()
    study: Any = None


class EvaluationFailed(BonasError, RuntimeError):
    """An evaluation did not return the objectives, or failed many times in a row.

    Attributes:
        study: The ``optuna.Study`` with all measurements, if a search ended with this error.
        values: The measurements that the evaluation returned, by name.
    """

    study: Any = None
    values: Mapping[str, float] = {}  # replaced, never changed


class DeviceUnavailable(BonasError, RuntimeError):
    """A device that measures networks is away, or is another one than before.

    That is no network's fault: a search ends with this error, and the same call resumes it.

    Attributes:
        study: The ``optuna.Study`` with all measurements, if a search ended with this error.
    """

    study: Any = None


class ObjectivesMissing(EvaluationFailed):
    """An evaluation returned no value for an objective, as it would for every other network."""


class NotFinite(EvaluationFailed):
    """An evaluation gave a value, a loss or an output that is NaN or infinite."""


class UnsharableWeights(BonasError, ValueError):
    """A network holds weights of which no part can be another network's."""


class NoScore(BonasError, ValueError):
    """A zero-cost score has no value for a network, such as one without activations."""


class FitFailed(BonasError, RuntimeError):
    """A surrogate cannot be fitted to its training data."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InvalidArgument:
    """Return the error for an unknown ``name``; its message lists the known ones."""
    names = ", ".join(repr(k) for k in sorted(known))
    return InvalidArgument(f"unknown {kind} {name!r}; expected one of {names}")
