"""The errors that a storage may raise: those that Optuna's contract names, and bonas's own.

===============================  ==================================================================
``KeyError``                     no study or trial has this id or name
``UpdateFinishedTrialError``     the trial is finished and cannot be changed
``DuplicatedStudyError``         a study of this name exists
``ValueError``                   a value that cannot be stored, or differs from the trials before:
                                 raised as ``InvalidArgument``, a subclass
about the best trial             ``ValueError`` if none is complete, ``RuntimeError`` if there are
                                 several objectives
``StorageUnavailable``           everything else: a damaged row, a text that is not JSON, a folder
                                 instead of a file. Also (``RecordGone``) a study or trial that was
                                 there before and no longer is
===============================  ==================================================================
"""

from __future__ import annotations

import json

from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from bonas.errors import BonasError, InvalidArgument, StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import error_chain

_PASSED_ON = (BonasError, UpdateFinishedTrialError, DuplicatedStudyError, MemoryError)
_UNKNOWN = ("Record does not exist", "No trial", "No study", "No such study")
_BEST = ("Best trial can be obtained only", "No trials are completed", "Record does not exist")
_VALUE_ERRORS = (ValueError, TypeError, OverflowError, RecursionError)
_LONGEST = 300  # characters of an error's text that are repeated


class RecordGone(StorageUnavailable, KeyError):
    """A study or trial that was in the storage no longer is."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


def translate(error: Exception, address: Address, *, writes: bool, was_known: bool) -> Exception:
    """Return the error to raise for ``error``: the same one, or one of bonas.

    Args:
        error: The error that the call raised.
        address: The address of the storage, for the message.
        writes: Whether the call was to store something.
        was_known: Whether an earlier call found the study or trial of this one.
    """
    if isinstance(error, _PASSED_ON):
        return error
    if is_unknown_record(error):
        return RecordGone(_gone(error, address)) if was_known else error
    if type(error) in (ValueError, RuntimeError) and str(error).startswith(_BEST):
        return error
    text = " ".join(f"{type(error).__name__}: {_cause(error)}".split())
    text = address.redact(text)[:_LONGEST]
    if _is_about_value(error, writes):
        return InvalidArgument(f"the storage {address} cannot hold this value: {text}")
    return StorageUnavailable(
        f"the storage {address} cannot be used: {text}. If its file is damaged, bonas rescue OLD "
        "NEW saves what can be read of it"
    )


def is_unknown_record(error: Exception) -> bool:
    """Return whether ``error`` says that no study or trial has this id or name."""
    if not isinstance(error, KeyError):
        return False
    what = error.args[0] if error.args else ""  # Optuna's proxy gives no text
    return isinstance(what, int) or (
        isinstance(what, str) and (not what or what.startswith(_UNKNOWN))
    )


def _is_about_value(error: Exception, writes: bool) -> bool:
    """Return whether the value that was to be stored caused the error, not the storage."""
    for found in error_chain(error):
        if isinstance(found, DataError | UnicodeEncodeError):
            return True
        if isinstance(found, json.JSONDecodeError | UnicodeDecodeError):
            return False  # a stored text cannot be read
        if isinstance(found, DBAPIError) and "binding parameter" in str(found.orig):
            return True
        if writes and isinstance(found, StatementError) and isinstance(found.orig, _VALUE_ERRORS):
            return True
    return writes and isinstance(error, _VALUE_ERRORS)


def _cause(error: Exception) -> str:
    """Return the text of the driver's error if there is one: Optuna's own gives no reason."""
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
