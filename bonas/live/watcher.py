"""The watcher: one thread that reads the studies of a storage for all pages that show them.

It reads only while somebody looks. A study is read again after each pause, and turned into a card
and a page only if its fingerprint has changed; a page that takes long is made less often.
What was seen last is shown while the storage is locked or away.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import optuna
from optuna import Study
from optuna.storages import BaseStorage

from bonas.live.chosen import chosen

_LOOKING = 30.0  # seconds after a request during which somebody looks
_FIRST = 60.0  # seconds that a request waits for a page that there is none of yet
_SHARE = 0.1  # of the thread's time, for the pages of one study
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What was last seen of a study.

    Attributes:
        name: Of the study.
        version: Another one after each change that a person could see.
        card: The study on the page of all studies; empty if it could not be made.
        page: Its report; None until somebody asks for it.
        page_version: The version that the report shows.
        not_before: When the next report may be made, by ``time.monotonic``.
    """

    name: str
    version: str
    card: str
    page: str | None = None
    page_version: str = ""
    not_before: float = 0.0


@dataclass(frozen=True)
class State:
    """What was last seen of a storage.

    Attributes:
        studies: A name -> the study, in the order of the storage.
        read_at: When the storage was last read, by ``time.time``; None if that never succeeded.
        trouble: Why the latest attempt failed; empty if it did not.
    """

    studies: Mapping[str, Seen] = field(default_factory=dict)
    read_at: float | None = None
    trouble: str = ""

    @property
    def version(self) -> str:
        """Another one after each change of any study."""
        seen = [(study.name, study.version) for study in self.studies.values()]
        return blake2b(repr(seen).encode(errors="surrogatepass"), digest_size=12).hexdigest()


class Watcher:
    """Reads the studies of a storage in a thread of its own, which ends with the process.

    Args:
        opened: Opens the storage.
        names: The studies to show, and their successors; none are all.
        every: Seconds between two readings.
        fingerprint: A study -> its version.
        card: Makes the card of a study, which must not raise but where the storage fails.
        page: Makes its report, in the same way.
    """

    def __init__(
        self,
        opened: Callable[[], BaseStorage],
        names: Sequence[str],
        every: float,
        fingerprint: Callable[[Study], str],
        card: Callable[[Study], str],
        page: Callable[[Study, str], str],
    ) -> None:
        self._opened, self._names, self._every = opened, tuple(names), every
        self._fingerprint, self._card, self._page = fingerprint, card, page
        self._storage: BaseStorage | None = None
        self._changed = threading.Condition()  # guards all below
        self._state = State()
        self._asked: dict[str | None, float] = {}  # a study, or None for all -> when
        self._is_due, self._is_stopped = False, False
        self._thread = threading.Thread(target=self._run, name="bonas-watch", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more; a reading under way is not waited for."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def state(self, study: str | None = None, *, waits: bool = False) -> State:
        """Return what was last seen, and note that somebody looks at a study, or at all.

        Args:
            study: Of which a report is wanted.
            waits: Whether to wait until the storage was read once, and that report was made once.
        """
        with self._changed:
            is_idle = not self._is_wanted()
            self._asked[study] = time.monotonic()
            if is_idle or (waits and not self._is_answered(study)):
                self._is_due = True
                self._changed.notify_all()
            if waits:
                self._changed.wait_for(
                    lambda: self._is_stopped or self._is_answered(study), timeout=_FIRST
                )
            return self._state

    def look(self) -> None:
        """Read the storage once, now."""
        try:
            found = self._read()
        except Exception as error:
            _logger.debug("the storage was not read", exc_info=True)
            self._storage = None  # it is opened anew: it may have been exchanged
            why = " ".join(str(error).split()) or type(error).__name__
            found = replace(self._state, trouble=why)
        with self._changed:
            self._state = found
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or self._is_due, self._every)
                if self._is_stopped:
                    return
                is_wanted, self._is_due = self._is_due or self._is_wanted(), False
            if is_wanted:
                self.look()

    def _read(self) -> State:
        if self._storage is None:
            self._storage = self._opened()
        studies = {}
        for name in chosen(self._storage, self._names):
            with suppress(KeyError):  # it was deleted a moment ago
                study = optuna.load_study(study_name=name, storage=self._storage)
                studies[name] = self._seen(study, self._state.studies.get(name))
        return State(studies, time.time())

    def _seen(self, study: Study, before: Seen | None) -> Seen:
        version = self._fingerprint(study)
        if before is None:
            before = Seen(study.study_name, "", "")
        seen = before
        if version != before.version:
            seen = replace(seen, version=version, card=self._card(study))
        began = time.monotonic()
        is_new = seen.page_version != version and began >= seen.not_before
        if is_new and self._is_wanted(study.study_name):
            page = self._page(study, version)
            ended = time.monotonic()
            pause = (ended - began) * (1 / _SHARE - 1)
            seen = replace(seen, page=page, page_version=version, not_before=ended + pause)
        return seen

    def _is_wanted(self, study: str | None = None) -> bool:
        """Return whether somebody looks at the report of a study; of None, at anything."""
        since = time.monotonic() - max(_LOOKING, 3 * self._every)
        if study is not None:
            return self._asked.get(study, -math.inf) > since
        return any(asked > since for asked in list(self._asked.values()))

    def _is_answered(self, study: str | None) -> bool:
        if self._state.read_at is None:
            return bool(self._state.trouble)
        if study is None or study not in self._state.studies:
            return True
        return self._state.studies[study].page is not None or bool(self._state.trouble)
