"""Retry: a call is repeated while its storage is busy or away, and given up after a limit.

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
_QUIET = 5.0  # seconds that others may hold a storage before it is worth a word
_logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Retry:
    """How long calls of one storage wait for it.

    Args:
        address: The storage's, for messages.
        judge: Tells the fault behind an error; None for errors that are none of the storage's.
        limit: Seconds after which a call gives up.
    """

    def __init__(
        self, address: Address, judge: Callable[[Exception], Classification | None], limit: float
    ) -> None:
        self._address = address
        self._judge = judge
        self._limit = limit
        self._random = random.Random()
        self._told = False  # once an outage, not once a call; a race costs one line of the log

    def __call__(
        self,
        attempt: Callable[[], Result],
        repeated: Callable[[Exception], Result] | None = None,
    ) -> Result:
        """What ``attempt`` returns, now or later.

        ``repeated`` is asked about an error that a second attempt meets and that is no fault of the
        storage: the first attempt may have done its work, and only the answer was lost.

        Raises:
            StorageUnavailable: if waiting does not help, or has not helped for ``limit`` seconds.
        """
        try:
            return attempt()
        except Exception as error:
            fault = self._judge(error)
            if fault is None:
                raise
            first = error, fault

        def again() -> Result:
            try:
                return attempt()
            except Exception as error:
                if repeated is None or self._judge(error) is not None:
                    raise
                return repeated(error)

        return self._wait(again, *first)

    def _wait(self, again: Callable[[], Result], error: Exception, fault: Classification) -> Result:
        started, pause = time.monotonic(), _FIRST
        while True:
            waited = time.monotonic() - started
            if fault.error_class is ErrorClass.PERMANENT or waited >= self._limit:
                raise self._unavailable(fault) from self._address.shown_cause(error)
            self._tell(fault, waited)
            shorter = pause * self._random.uniform(0.5, 1.0)
            time.sleep(min(shorter, self._limit - waited))
            pause = min(2.0 * pause, _LAST)
            try:
                result = again()
            except Exception as next_error:
                next_fault = self._judge(next_error)
                if next_fault is None:
                    raise
                error, fault = next_error, next_fault
                continue
            self._tell_end(time.monotonic() - started)
            return result

    def _unavailable(self, fault: Classification) -> StorageUnavailable:
        reason = self._address.hide(fault.reason)
        if fault.error_class is ErrorClass.PERMANENT:
            text = f"the storage {self._address} refused: {reason}. When that is mended"
        else:
            text = (
                f"the storage {self._address} gave no answer for {self._limit:.0f} seconds: "
                f"{reason}. When it answers"
            )
        return StorageUnavailable(
            f"{text}, make the same call again: it goes on with what is stored"
        )

    def _tell(self, fault: Classification, waited: float) -> None:
        if self._told or (fault.error_class is ErrorClass.BUSY and waited < _QUIET):
            return
        self._told = True
        _logger.warning(
            "the storage %s does not answer (%s); waiting for it, up to %.0f seconds",
            self._address,
            self._address.hide(fault.reason),
            self._limit,
        )

    def _tell_end(self, waited: float) -> None:
        if self._told:
            self._told = False
            _logger.warning("the storage %s answers again, after %.0f s", self._address, waited)
