"""What the tests of latency share."""

from __future__ import annotations

import pytest
from clocks import Clocks

from bonas.evaluation.latency import rounds, timing


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(timing, "time", clocks)
    monkeypatch.setattr(rounds, "time", clocks)
    return clocks
