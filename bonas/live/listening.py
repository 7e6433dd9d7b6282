"""A socket to listen on, and its address for a browser."""

from __future__ import annotations

import socket

from bonas.errors import InvalidArgument


def check_address(host: str, port: int) -> None:
    """Check what a server is to be bound to.

    Raises:
        InvalidArgument: if it cannot be.
    """
    if not isinstance(host, str) or not host.strip():
        raise InvalidArgument(f"expected a host such as 127.0.0.1, got {host!r}")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port < 65536:
        raise InvalidArgument(
            f"expected a port from 0 to 65535, got {port!r}; give one such as 8000"
        )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

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
            listener.listen()  # before the address is shown: who connects at once has to wait
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
