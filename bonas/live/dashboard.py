"""``bonas dashboard``: Optuna's dashboard, in which a search of networks reads well."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from os import PathLike
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from bonas.benchmarks.comparison.execution import quiet
from bonas.errors import InvalidArgument
from bonas.live.chosen import check_names, chosen
from bonas.live.hosts import warn_of_others
from bonas.live.listening import address_of, check_address, listening
from bonas.live.opening import open_to_look
from bonas.live.spaces import KnownSpaces
from bonas.spaces import Space
from bonas.studies.storages.opening import Storage


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log no request."""


def dashboard(
    storage: Storage,
    studies: Sequence[str] = (),
    *,
    space: Space | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    artifacts: str | PathLike[str] | None = None,
) -> None:
    """Serve Optuna's dashboard of stored studies until Ctrl-C.

    The page of a study shows its front, with names and units, and what is searched; trials have
    notes with named values and drawings of their networks. All of this is made while it is
    looked at: nothing is written, except what a person enters in the dashboard.

    Args:
        storage: A database's URL, the path of a journal, or a storage of Optuna.
        studies: Names of the studies, whose successors are shown, too; all by default.
        space: What was searched, for drawings of networks; the spaces of bonas are known.
        host: The address that the server listens on; others than loopback addresses let every
            machine that reaches it see and change the studies.
        port: Its port; 0 for any that is free.
        artifacts: The folder with files of trials, as ``optimize(artifacts=...)`` has it.

    Raises:
        StorageUnavailable: if there is no such storage.
        StudyMismatch: if none of ``studies`` is in it.
        InvalidArgument: if the port is taken, or a value cannot work.
        MissingPackage: without the extra ``dashboard``.
    """
    from bonas.live.wsgi import make_application  # names the optional packages

    check_address(host, port)
    if artifacts is not None and not Path(artifacts).is_dir():
        raise InvalidArgument(
            f"expected the folder with the artifacts, got {str(artifacts)!r}, which is none; give "
            "the folder that optimize(artifacts=...) was given"
        )
    opened = open_to_look(storage)
    check_names(opened, studies, storage)
    warn_of_others("bonas dashboard", host, "see and change these studies")

    def shows(name: str) -> bool:
        return not studies or name in chosen(opened, studies)

    application = make_application(
        opened, shows, KnownSpaces(space), host=host, artifacts=artifacts
    )
    with closing(listening(host, port)) as listener:
        server = _server_of(listener)
        server.set_app(application)
        print(
            f"bonas dashboard: {address_of(listener)} (Ctrl-C ends it)", file=sys.stderr, flush=True
        )
        with suppress(KeyboardInterrupt), quiet():  # notes are made in studies in memory
            server.serve_forever()


def _server_of(listener: socket.socket) -> _Server:
    """Return a server that listens where a socket is bound."""
    server = _Server(listener.getsockname()[:2], _QuietHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = listener.getsockname()[:2]
    server.setup_environ()
    server.server_activate()
    return server
