"""Networks of other libraries are accepted, traced, distinguished, searched and measured.

``make families`` installs the libraries, runs all this, and writes docs/families.md, the path in
the environment variable ``FAMILIES_TABLE``. Without it everything skips, since it takes long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from families.measuring import Row, measured
from families.record import LIBRARIES, ThirdParty, missing, records
from families.table import page

_TARGET = os.environ.get("FAMILIES_TABLE")

# Libraries have warnings of their own; those of bonas are in the table.
pytestmark = pytest.mark.filterwarnings("ignore")


def _all() -> Iterator[ParameterSet]:
    for module in LIBRARIES:
        lacking = missing(module)
        if lacking or _TARGET is None:
            reason = f"{', '.join(lacking) or 'FAMILIES_TABLE'} is missing; run `make families`"
            yield pytest.param(None, id=module, marks=pytest.mark.skip(reason=reason))
        else:
            yield from (pytest.param(record, id=str(record)) for record in records(module))


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    found: list[Row] = []
    yield found
    assert _TARGET is not None  # else all skipped
    Path(_TARGET).write_text(page(found))


@pytest.mark.parametrize("record", list(_all()))
def test_a_family_holds_in_every_column(record: ThirdParty, rows: list[Row]) -> None:
    row = measured(record)
    rows.append(row)
    assert row.faults.keys() == record.known.keys(), row.faults
