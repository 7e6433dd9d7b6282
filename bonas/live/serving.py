"""Serving an application on a local address: the file that needs starlette and uvicorn."""

from __future__ import annotations

import socket
import sys
from contextlib import closing, suppress
from types import FrameType

from bonas.errors import InvalidArgument, MissingPackage
from bonas.live.watcher import Watcher

try:
    import uvicorn

    from bonas.live.app import make_app
except ImportError as error:
    raise MissingPackage(
        f"bonas watch needs the packages starlette and uvicorn ({error}); "
        'pip install "bonas[watch]"'
    ) from error


class _Server(uvicorn.Server):
    """A server that lets nobody wait for a reading once it is to end."""

    def __init__(self, config: uvicorn.Config, watcher: Watcher) -> None:
        super().__init__(config)
        self._watcher = watcher

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._watcher.stop()
        super().handle_exit(sig, frame)


def serve(watcher: Watcher, *, host: str, port: int, where: str, every: float) -> None:
    """Serve what a watcher sees until Ctrl-C.

    Raises:
        InvalidArgument: if nothing can listen on the address.
    """
    config = uvicorn.Config(
        make_app(watcher, host=host, where=where, every=every),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    with closing(listening(host, port)) as listener:
        print(f"bonas watch: {address_of(listener)} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        watcher.start()
        try:
            with suppress(KeyboardInterrupt):
                _Server(config, watcher).run(sockets=[listener])
        finally:
            watcher.stop()


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        InvalidArgument: if that is not possible.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InvalidArgument(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose another "
            "port, or 0 for any that is free"
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
