"""A real ssh server on this machine, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ssh_servers import SshServer, ssh_server


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    yield from ssh_server()
