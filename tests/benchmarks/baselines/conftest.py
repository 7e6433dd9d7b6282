"""The cells that the baselines search."""

from __future__ import annotations

import pytest
from baseline_searches import OPERATIONS

from bonas.spaces import CellSpace


@pytest.fixture(scope="module")
def space() -> CellSpace:
    """Return a space of 4,096 combinations, of which some are not valid."""
    return CellSpace(nodes=4, operations=OPERATIONS)
