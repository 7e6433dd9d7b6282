"""Ports for the servers of tests."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port that no outgoing connection is given, so that it stays free while it is."""
    for port in random.SystemRandom().sample(range(15_000, 32_000), 100):
        with socket.socket() as opened:
            try:
                opened.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("none of 100 ports is free")
