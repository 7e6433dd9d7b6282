"""Which names a server on a local address answers to.

A page of an attacker can let its own name resolve to 127.0.0.1 and then read what a local server
answers (DNS rebinding). The browser still sends the attacker's name as ``Host``: an address, or a
name that this machine is known by, cannot be one.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from contextlib import suppress
from urllib.parse import urlsplit

_LOCAL = "localhost"


def is_own(host: str, bound: str) -> bool:
    """Return whether a ``Host`` header names this machine, where a server is bound to ``bound``.

    >>> is_own("127.0.0.1:8000", "127.0.0.1"), is_own("[::1]:8000", "127.0.0.1")
    (True, True)
    >>> is_own("evil.example:8000", "127.0.0.1"), is_own("", "127.0.0.1")
    (False, False)
    """
    name = _name(host)
    if name is None:
        return False
    if name == _LOCAL or name == bound.lower():
        return True
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    own = socket.gethostname().lower()
    return not is_loopback(bound) and name in (own, own.split(".")[0])


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine reaches a server that is bound to ``host``.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("a.org")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _LOCAL


def warn_of_others(command: str, host: str, may: str) -> None:
    """Say what other machines may do where a command listens on an address that they reach."""
    if not is_loopback(host):
        print(
            f"{command}: warning: {host} is no loopback address: every machine that reaches it "
            f"can {may}",
            file=sys.stderr,
        )


def _name(host: str) -> str | None:
    """Return the name or address in a ``Host`` header, without its port; None if it has none."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname if parts.netloc == host and not parts.username else None
    except ValueError:
        return None
