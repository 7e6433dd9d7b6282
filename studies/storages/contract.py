"""What a storage may raise: what Optuna's contract names, and errors of bonas.

===============================  ==================================================================
``KeyError``                     no study or trial has this id or name
``UpdateFinishedTrialError``     the trial is finished, and is not changed any more
``DuplicatedStudyError``         a study of this name exists
``ValueError``                   a value that cannot be stored, or differs from the trials before:
                                 ``InvalidArgument``, which is one
about the best trial             ``ValueError`` where none is complete, ``RuntimeError`` where
                                 several objectives have no best one
``StorageUnavailable``           everything else: a damaged row, a text that is no JSON, a file that
                                 is a folder. Also a study or trial that was there before, and is
                                 not any more (``RecordGone``)
===============================  ==================================================================
"""

from __future__ import annotations

import json

from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from bonas.errors import BonasError, InvalidArgument, StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import error_chain

_NAMED = (BonasError, UpdateFinishedTrialError, DuplicatedStudyError, MemoryError)
_UNKNOWN = ("Record does not exist", "No trial", "No study", "No such study")
_BEST = ("Best trial can be obtained only", "No trials are completed", "Record does not exist")
_VALUES = (ValueError, TypeError, OverflowError, RecursionError)
_LONGEST = 300  # characters of an error's text that are repeated


class RecordGone(StorageUnavailable, KeyError):
    """A study or trial that was in the storage is not any more."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


def translated(error: Exception, address: Address, *, writes: bool, known: bool) -> Exception:
    """The error that a call of the storage raises for ``error``: the same, or one of bonas.

    Args:
        error: What the call met.
        address: The storage's, for the message.
        writes: Whether the call was to store something.
        known: Whether the study or trial that it was about has been there before.
    """
    if isinstance(error, _NAMED):
        return error
    if is_about_an_unknown_record(error):
        return RecordGone(_gone(error, address)) if known else error
    if type(error) in (ValueError, RuntimeError) and str(error).startswith(_BEST):
        return error
    text = address.hide(" ".join(f"{type(error).__name__}: {_cause(error)}".split()))[:_LONGEST]
    if _is_about_a_value(error, writes):
        return InvalidArgument(f"the storage {address} cannot hold this value: {text}")
    return StorageUnavailable(
        f"the storage {address} cannot be used: {text}. If its file is damaged, bonas rescue OLD "
        "NEW saves what can be read of it"
    )


def is_about_an_unknown_record(error: Exception) -> bool:
    """Whether it says that no study or trial has this id or name."""
    if not isinstance(error, KeyError):
        return False
    told = error.args[0] if error.args else ""  # Optuna's proxy says nothing
    return isinstance(told, int) or (
        isinstance(told, str) and (not told or told.startswith(_UNKNOWN))
    )


def _is_about_a_value(error: Exception, writes: bool) -> bool:
    """Whether it is no fault of the storage, but of what was given to it."""
    for found in error_chain(error):
        if isinstance(found, DataError | UnicodeEncodeError):
            return True
        if isinstance(found, json.JSONDecodeError):
            return False  # what was stored cannot be read
        if isinstance(found, DBAPIError) and "binding parameter" in str(found.orig):
            return True
        if writes and isinstance(found, StatementError) and isinstance(found.orig, _VALUES):
            return True
    return writes and isinstance(error, _VALUES)


def _cause(error: Exception) -> str:
    """The text of the driver's error, where there is one: Optuna's own says nothing."""
    for found in error_chain(error):
        if isinstance(found, StatementError) and found.orig is not None:
            return str(found.orig)
    return str(error)


def _gone(error: Exception, address: Address) -> str:
    return (
        f"the storage {address} does not hold a study or trial any more that it did "
        f"({error.args[0] if error.args else 'no record'}): the study was deleted, or the storage "
        "replaced. Put the right one there, or start anew, with the same call"
    )
