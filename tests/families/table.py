"""The table of families in docs/families.md."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from families.measuring import BUDGET, TOLERANCE, Row

_HEAD = Path(__file__).with_name("head.md")
_COLUMNS = (
    "library",
    "family",
    "networks",
    "nodes",
    "traced",
    "parameters",
    "FLOPs",
    "distinguished",
    "first proposal, s",
    "further, s",
    "training",
    "latency",
)
_RIGHT = "yes"


def page(rows: Sequence[Row]) -> str:
    """Format the page: how it was measured, one row per family, and what does not hold."""
    found = [row for row in rows if row.size]
    head = _HEAD.read_text().format(
        families=len(rows),
        libraries=len({row.record.library for row in rows}),
        budget=BUDGET,
        tolerance=100 * TOLERANCE,
        torch=version("torch"),
        python=platform.python_version(),
        first=_median(found, "first"),
        slowest=max(row.first for row in found if not math.isnan(row.first)),
        further=_median(found, "further"),
    )
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    lines += [_line(_cells(row)) for row in rows]
    return head + "\n" + "\n".join(lines) + "\n" + _notes(rows)


def _median(rows: Sequence[Row], name: str) -> float:
    values = sorted(x for row in rows if not math.isnan(x := getattr(row, name)))
    return values[len(values) // 2]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    record = row.record
    return [
        f"{record.library} {version(record.library)}",
        record.name,
        f"{row.size:,}" if row.size else "none",
        str(row.nodes),
        _RIGHT if row.traced else "no *",
        _RIGHT if row.parameters else "no *",
        _ratio(row),
        f"{row.apart} / {row.pairs}" + ("" if row.apart == row.pairs else " *"),
        _seconds(row.first),
        _seconds(row.further, 2),
        _RIGHT if row.trained else "no *",
        _RIGHT if row.timed else "no *",
    ]


def _seconds(value: float, digits: int = 1) -> str:
    return "none *" if math.isnan(value) else f"{value:.{digits}f}"


def _ratio(row: Row) -> str:
    if row.flops is None:
        return "unknown"
    low, high = row.flops
    text = f"{low:.3f}" if round(low, 3) == round(high, 3) else f"{low:.3f} to {high:.3f}"
    return text if "flops" not in row.faults else text + " *"


def _notes(rows: Sequence[Row]) -> str:
    notes = [
        f"- {row.record.library}, {row.record.name}, {column}: {row.record.known.get(column, why)}"
        for row in rows
        for column, why in row.faults.items()
    ]
    warned = [
        f"- {row.record.library}, {row.record.name}: {text}" for row in rows for text in row.warned
    ]
    parts = []
    if notes:
        parts += ["\n## What does not hold (*)\n", *notes]
    if warned:
        parts += ["\n## What bonas warns of\n", *warned]
    return "\n".join(parts) + ("\n" if parts else "")
