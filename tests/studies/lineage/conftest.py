"""Storages for the tests of lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lineages import KINDS, storage_of

from bonas.studies.storages.opening import open_storage


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a storage of each kind."""
    return open_storage(storage_of(request.param, tmp_path))


@pytest.fixture(params=["memory", "journal"])
def quick(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a storage that is not a database, whose tables take a second to create."""
    return open_storage(storage_of(request.param, tmp_path))
