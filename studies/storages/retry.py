"""Retries: a call is repeated while its storage is busy or unreachable, up to a limit.

The pauses grow from a tenth of a second to five, each shortened at random by up to a half, so that
the workers of a search do not come back all at once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from bonas.errors import StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import Classification, ErrorClass

_FIRST, _LAST = 0.1, 5.0  # seconds of a pause
_QUIET = 5.0  # seconds that a storage may be busy before it is logged
_logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Retry:
    """Repeats the calls of one storage for up to ``limit`` seconds each.

    Args:
        address: The address of the storage, for messages.
        classify: Classifies an error; None for an error that the storage did not cause.
        limit: Seconds after which a call fails.
    """

    def __init__(
        self,
        address: Address,
        classify: Callable[[Exception], Classification | None],
        limit: float,
    ) -> None:
        self._address = address
        self._classify = classify
        self._limit = limit
        self._random = random.Random()
        self._is_logged = False  # once per outage, not per call; a race costs one line of the log

    def __call__(
        self,
        attempt: Callable[[], Result],
        resolve: Callable[[Exception], Result] | None = None,
    ) -> Result:
        """Return what ``attempt`` returns, at once or after retries.

        If a retry raises an error that the storage did not cause, ``resolve`` decides: the first
        attempt may have done its work, and only its answer was lost. ``resolve`` returns the
        result, or raises.

        Raises:
            StorageUnavailable: if the error is permanent, or ``limit`` seconds have passed.
        """
        try:
            return attempt()
        except Exception as error:
            found = self._classify(error)
            if found is None:
                raise
            first = error, found

        def again() -> Result:
            try:
                return attempt()
            except Exception as error:
                if resolve is None or self._classify(error) is not None:
                    raise
                return resolve(error)

        return self._repeat(again, *first)

    def _repeat(
        self, again: Callable[[], Result], error: Exception, found: Classification
    ) -> Result:
        """Call ``again`` with growing pauses until it returns."""
        began, pause = time.monotonic(), _FIRST
        while True:
            waited = time.monotonic() - began
            if found.error_class is ErrorClass.PERMANENT or waited >= self._limit:
                raise self._unavailable(found) from self._address.safe_cause(error)
            self._log_outage(found, waited)
            shorter = pause * self._random.uniform(0.5, 1.0)
            time.sleep(min(shorter, self._limit - waited))
            pause = min(2.0 * pause, _LAST)
            try:
                result = again()
            except Exception as next_error:
                next_found = self._classify(next_error)
                if next_found is None:
                    raise
                error, found = next_error, next_found
                continue
            self._log_recovery(time.monotonic() - began)
            return result

    def _unavailable(self, found: Classification) -> StorageUnavailable:
        reason = self._address.redact(found.reason)
        if found.error_class is ErrorClass.PERMANENT:
            text = f"the storage {self._address} refused: {reason}. When that is fixed"
        else:
            text = (
                f"the storage {self._address} gave no answer for {self._limit:.0f} seconds: "
                f"{reason}. When it answers"
            )
        return StorageUnavailable(
            f"{text}, make the same call again: it goes on with what is stored"
        )

    def _log_outage(self, found: Classification, waited: float) -> None:
        if self._is_logged or (found.error_class is ErrorClass.BUSY and waited < _QUIET):
            return
        self._is_logged = True
        _logger.warning(
            "the storage %s does not answer (%s); retrying for up to %.0f seconds",
            self._address,
            self._address.redact(found.reason),
            self._limit,
        )

    def _log_recovery(self, waited: float) -> None:
        if self._is_logged:
            self._is_logged = False
            _logger.warning("the storage %s answers again, after %.0f s", self._address, waited)
