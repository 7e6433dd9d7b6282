"""Facts about the socket of a live view."""

from __future__ import annotations

import re
import socket

import pytest

from bonas.errors import InvalidArgument
from bonas.live.listening import address_of, listening


def test_whoever_connects_before_the_server_runs_has_to_wait() -> None:
    with listening("127.0.0.1", 0) as listener:
        address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address_of(listener))
        assert address is not None
        with socket.create_connection(("127.0.0.1", int(address[1])), timeout=60):
            pass


def test_a_taken_port_is_refused() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InvalidArgument, match=f"cannot listen on 127.0.0.1, port {port}"):
            listening("127.0.0.1", port)
