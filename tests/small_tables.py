"""A table of five complete rows with answers worked out by hand, and a strategy for small ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from candidates import candidate_of
from hypothesis import strategies as st

from bonas.benchmarks.tables import (
    Lookup,
    Table,
)
from bonas.evaluation import Objective
from bonas.spaces import Choices

Array = npt.NDArray[np.float64]

BOTH: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}

NAN = math.nan

# Four networks on the front: scaled to [0, 1], 0 the best, they are (0, 1), (1/4, 1/2), (3/4, 1/4)
# and (1, 0). ("c", 1) is beaten by ("b", 1), and the others were not measured in full.
ROWS: list[dict[str, Any]] = [
    {"op": "a", "depth": 1, "accuracy": 90.0, "latency": 9.0},
    {"op": "a", "depth": 2, "accuracy": 80.0, "latency": 5.0},
    {"op": "b", "depth": 1, "accuracy": 60.0, "latency": 3.0},
    {"op": "b", "depth": 2, "accuracy": 50.0, "latency": 1.0},
    {"op": "c", "depth": 1, "accuracy": 55.0, "latency": 4.0},
    {"op": "c", "depth": 2, "accuracy": NAN, "latency": 0.5},
    {"op": "d", "depth": 1, "accuracy": 99.0, "latency": None},
    {"op": "d", "depth": 2, "accuracy": 99.0},
]

OWN = Table.of(ROWS, parameters=["op", "depth"], objectives=BOTH, name="mine")


def look_up(table: Table, choices: Choices, seed: int = 0) -> dict[str, float]:
    return Lookup(table, seed)(candidate_of(table.space, choices))


ONE = Table.of(ROWS, parameters=["op", "depth"], objectives={"accuracy": "maximize"}, name="one")


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a table of one to three objectives and at most twelve rows."""
    m = draw(st.integers(1, 3))
    values = draw(
        st.lists(st.tuples(*[st.integers(-5, 5)] * m), min_size=2, max_size=12).map(np.array)
    )
    ways = [draw(st.sampled_from(["maximize", "minimize"])) for _ in range(m)]
    goals = [Objective(f"o{j}", way) for j, way in enumerate(ways)]  # type: ignore[arg-type]
    rows = [{"x": i, **{f"o{j}": float(v) for j, v in enumerate(r)}} for i, r in enumerate(values)]
    return Table.of(rows, parameters=["x"], objectives=goals)
