"""Serving an application on a local address: the file that needs starlette and uvicorn."""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from types import FrameType

from bonas.errors import MissingPackage
from bonas.live.listening import address_of, listening
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
