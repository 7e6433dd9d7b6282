"""The pictures of docs/benchmarks.md, drawn from the tables of that page and from nothing else.

`python docs/figures/benchmarks.py` writes them into its folder. Each picture holds the numbers that
it shows as its description, so that a test finds a picture that is older than its table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
PAGE = HERE.parent / "benchmarks.md"

Number = tuple[float, float, float]
"""A mean and its interval; NaN where the page has no interval."""
Table = dict[str, list[list[Number]]]
"""The name of a row -> its cells -> the numbers of each."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
_NUMBER = re.compile(r"(?<![\w.])(-?\d[\d,]*\.?\d*|\.\d+)(?: \[([\d.]+), ([\d.]+)\])?")


def table_of(heading: str) -> tuple[list[str], Table]:
    """Return the columns and the rows of the first table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = next(part for part in text.split("\n\n") if part.startswith("|")).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0][1:], {_plain(row[0]): [_numbers(cell) for cell in row[1:]] for row in rows[2:]}


def _plain(name: str) -> str:
    return re.sub(r"\*\*|, its .*| \(default.*", "", name)


def _numbers(cell: str) -> list[Number]:
    found = _NUMBER.findall(re.sub(r"\*\*|\([^)]*\)", "", cell))
    return [(_number(mean), _number(low), _number(high)) for mean, low, high in found]


def _number(text: str) -> float:
    return float(text.replace(",", "")) if text else np.nan


def queries() -> tuple[Figure, object]:
    """Draw the evaluations until the best cell, one panel per data set."""
    columns, rows = table_of("Evaluations until the best cell of NAS-Bench-201")
    rows = {name: cells for name, cells in rows.items() if not name.startswith("seeds")}
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, len(columns) - 1, sharey=True)
    shown: dict[str, dict[str, Number]] = {}
    for place, (axis, title) in enumerate(zip(panels, columns[1:], strict=True), start=1):
        values = {name: cells[place][0] for name, cells in rows.items()}
        shown[title] = values
        _dots(axis, values)
        axis.set(title=title, xlabel="evaluations", xlim=(0, 205))
    return figure, shown


def fronts() -> tuple[Figure, object]:
    """Draw the hypervolume that is missing after 50 and 150 evaluations, one panel per device."""
    columns, rows = table_of("Accuracy against latency")
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, len(columns), sharey=True)
    shown: dict[str, dict[str, list[Number]]] = {}
    for place, (axis, title) in enumerate(zip(panels, columns, strict=True)):
        device = title.split(":")[0]
        shown[device] = {name: cells[place] for name, cells in rows.items()}
        for number, (label, marker) in enumerate((("50", "o"), ("150", "D"))):
            values = {name: cells[number] for name, cells in shown[device].items()}
            _dots(axis, values, marker=marker, label=f"after {label} evaluations", offset=number)
        axis.set(title=device, xlabel="hypervolume gap [%]", xscale="log", xlim=(0.1, 20))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure, shown


def trainings() -> tuple[Figure, object]:
    """Draw the gap of searches that trained for real, against the number of trainings."""
    columns, rows = table_of("Mobile networks on Fashion-MNIST, trained for real")
    at = [int(re.findall(r"\d+", column)[0]) for column in columns]
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    for colour, (name, cells) in zip(_COLOURS, rows.items(), strict=False):
        mean, low, high = np.array([cell[0] for cell in cells]).T
        axis.plot(at, mean, "o-", color=colour, label=name)
        axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.set(xlabel="trainings", ylabel="hypervolume gap [%]", ylim=(0, None), xticks=at)
    axis.legend(frameon=False)
    _plain_frame(axis)
    return figure, rows


def workers() -> tuple[Figure, object]:
    """Draw what parallel workers cost in evaluations, and save in rounds."""
    _, rows = table_of("The cost of parallel proposals")
    counts = {int(name): cells for name, cells in rows.items() if name.isdigit()}
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axis = figure.subplots()
    at = list(counts)
    mean, low, high = np.array([cells[0][0] for cells in counts.values()]).T
    axis.plot(at, mean, "o-", color=_COLOURS[0], label="evaluations until the best cell")
    axis.fill_between(at, low, high, color=_COLOURS[0], alpha=0.15, linewidth=0)
    rounds = [cells[1][0][0] for cells in counts.values()]
    axis.plot(at, rounds, "D--", color=_COLOURS[1], label="rounds, which is the time")
    axis.set(xlabel="workers", xticks=at, ylim=(0, None))
    axis.legend(frameon=False)
    _plain_frame(axis)
    return figure, counts


FIGURES: dict[str, Callable[[], tuple[Figure, object]]] = {
    "queries": queries,
    "fronts": fronts,
    "trainings": trainings,
    "workers": workers,
}
"""The name of each picture, and what draws it."""


def description_of(shown: object) -> str:
    """Return the numbers of a picture as text."""
    return json.dumps(shown).replace("NaN", "null")


def _dots(
    axis: Axes,
    values: dict[str, Number],
    *,
    marker: str = "o",
    label: str | None = None,
    offset: int = 0,
) -> None:
    """Draw means with their intervals, the first row above."""
    for place, (name, (mean, low, high)) in enumerate(values.items()):
        y = -place - 0.22 * offset
        colour = _COLOURS[0] if name.startswith("bonas") else _COLOURS[6]
        axis.plot([low, high], [y, y], color=colour, linewidth=1.5)
        axis.plot(mean, y, marker, color=colour, markersize=5, label=label if not place else None)
    axis.set_yticks([-place for place in range(len(values))], list(values))
    _plain_frame(axis)


def _plain_frame(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)


def written(folder: Path) -> Iterator[Path]:
    """Write all pictures into a folder."""
    mpl.rcParams["svg.hashsalt"] = "bonas"
    for name, draw in FIGURES.items():
        figure, shown = draw()
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None, "Description": description_of(shown)})
        yield path


if __name__ == "__main__":
    for path in written(HERE):
        print(path)
