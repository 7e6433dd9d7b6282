"""A front as text: one row a trial, objectives with their units, then the parameters."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from bonas.evaluation import Objective


def front_table(objectives: Sequence[Objective], front: Sequence[FrozenTrial]) -> str:
    """Columns trial, one an objective, one a parameter; aligned, without a trailing newline."""
    if not front:
        return "nothing was evaluated yet"
    names = list(front[0].params)
    rows = [["trial", *(str(o) for o in objectives), *names]]
    for trial in front:
        values = [f"{value:.4g}" for value in trial.values]
        rows.append([str(trial.number), *values, *(str(trial.params.get(n, "")) for n in names)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = 1 + len(objectives)
    lines = [
        "  ".join(
            cell.rjust(width) if i < numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
