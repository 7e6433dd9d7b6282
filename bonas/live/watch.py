"""``bonas watch``: the reports of studies that run, served on a local address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bonas.arguments import check_positive
from bonas.live import pages
from bonas.live.chosen import check_names
from bonas.live.fingerprint import fingerprint
from bonas.live.hosts import warn_of_others
from bonas.live.listening import check_address
from bonas.live.opening import open_to_look
from bonas.live.spaces import KnownSpaces
from bonas.live.watcher import Watcher
from bonas.spaces import Space
from bonas.studies.storages.opening import Storage, without_password


def watch(
    storage: Storage,
    studies: Sequence[str] = (),
    *,
    space: Space | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    every: float = 5.0,
) -> None:
    """Serve the reports of stored studies until Ctrl-C, refreshed where something has changed.

    Nothing is written to the storage, and no request of a browser can write.

    Args:
        storage: A database's URL, the path of a journal, or a storage of Optuna.
        studies: Names of the studies, whose successors are shown, too; all by default.
        space: What was searched, for drawings of networks in the reports of its studies; those of
            bonas are known.
        host: The address that the server listens on; others than loopback addresses let every
            machine that reaches it see the reports.
        port: Its port; 0 for any that is free.
        every: Seconds between two readings of the storage.

    Raises:
        StorageUnavailable: if there is no such storage.
        StudyMismatch: if none of ``studies`` is in it.
        InvalidArgument: if the port is taken, or a value cannot work.
        MissingPackage: without the extra ``watch``.
    """
    from bonas.live.serving import serve  # names the optional packages

    check_positive("every", every, advice="give the seconds between two readings")
    check_address(host, port)
    watcher = make_watcher(storage, studies, space, every)
    warn_of_others("bonas watch", host, "see these reports")
    serve(watcher, host=host, port=port, where=without_password(storage), every=every)


def make_watcher(
    storage: Storage, studies: Sequence[str], space: Space | None, every: float
) -> Watcher:
    """Return what reads the studies of a storage.

    Raises:
        StorageUnavailable: if there is no such storage.
        StudyMismatch: if none of ``studies`` is in it.
    """
    check_names(open_to_look(storage), studies, storage)
    space_of = KnownSpaces(space).of
    return Watcher(
        partial(open_to_look, storage),
        studies,
        every,
        fingerprint,
        partial(pages.study_card, space_of=space_of),
        partial(pages.report_page, every=every, space_of=space_of),
    )
