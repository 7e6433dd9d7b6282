"""The one family of errors: each says what was expected, what came, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class BonasError(Exception):
    """The base of every error that bonas raises on purpose."""


class InvalidGraph(BonasError, ValueError):
    """A graph breaks a rule: a cycle, an index out of range, an unknown label, ..."""


class InvalidSpace(BonasError, ValueError):
    """A space, or choices said to belong to one, breaks a rule."""


class InvalidArgument(BonasError, ValueError):
    """An argument of a public function is of the wrong kind, size or name."""


class MissingBuilder(BonasError, NotImplementedError):
    """A network is to be built, but its space does not say how."""


class InvalidData(BonasError, ValueError):
    """A data set cannot be used for training, or a network does not fit it."""


class MissingData(BonasError, FileNotFoundError):
    """Data are not there: the file of a folder, or an optional package that brings them."""


class MissingPackage(BonasError, ImportError):
    """An optional package is needed for this, and is not installed."""


class StudyMismatch(BonasError, ValueError):
    """A stored study was made with another space or other objectives."""


class StorageUnavailable(BonasError, RuntimeError):
    """A storage cannot be opened, or cannot be used any more.

    Attributes:
        rows: What a search measured and its storage does not hold: pairs of choices and a
            measurement's name -> its value, as ``warm_start`` takes them.
        study: The ``optuna.Study`` of the search, where one ended with this.
    """

    rows: Sequence[tuple[Mapping[str, Any], Mapping[str, float]]] = ()
    study: Any = None


class EvaluationFailed(BonasError, RuntimeError):
    """An evaluation did not give the objectives, or failed many times in a row.

    Attributes:
        study: The ``optuna.Study`` with all that was measured, where a search ended with this.
        values: A measurement's name -> its value, as far as the evaluation returned such.
    """

    study: Any = None
    values: Mapping[str, float] = {}  # replaced, never changed


class ObjectivesMissing(EvaluationFailed):
    """What an evaluation returned has not the objectives, as it will for the next network, too."""


class FitFailed(BonasError, RuntimeError):
    """A surrogate cannot be fitted to the values it was given."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InvalidArgument:
    """The error for a name that is in no table: it lists the names that are."""
    names = ", ".join(repr(k) for k in sorted(known))
    return InvalidArgument(f"unknown {kind} {name!r}; expected one of {names}")
