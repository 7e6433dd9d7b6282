"""How well surrogates predict a whole table from a few random rows of it.

Accuracy is judged by Kendall's tau over all rows, which asks for the right order; a cost by the
share of rows that are predicted within a tenth, and by Spearman's rank correlation. Surrogates see
values warped as a search for several objectives warps them (``surrogates/outcome_transform.py``).

Source: White, Zela, Ru, Liu and Hutter (2021), "How powerful are performance predictors in neural
architecture search?", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

from bonas.benchmarks.tables import Table
from bonas.benchmarks.tables.scale import Array
from bonas.encoders import Layout, shared_blocks
from bonas.errors import InvalidArgument
from bonas.evaluation.objective import oriented
from bonas.studies.proposing.presets import named
from bonas.surrogates.outcome_transform import Warp, form_of
from bonas.surrogates.surrogate import marginals
from bonas.threads import one_thread

_CLOSE = 0.1  # relative error of a prediction that counts as right


@dataclass(frozen=True)
class Quality:
    """How well one fit predicts the table: one random draw of ``rows`` training rows."""

    surrogate: str
    objective: str
    rows: int
    draw: int
    kendall: float
    spearman: float
    within: float


def predict(
    table: Table, surrogates: Sequence[str], sizes: Sequence[int], draws: int
) -> Iterator[Quality]:
    """Fit each surrogate to ``sizes`` random rows, ``draws`` times, and compare with all rows.

    Every surrogate sees the same rows. Each objective of the table is predicted by itself; rows
    whose choices are not valid in the space are left out.

    Raises:
        InvalidArgument: for an unknown surrogate or ``random``, a size that the table lacks.
    """
    names = list(table.space.parameters)
    choices = [dict(zip(names, row, strict=True)) for row in table.rows]
    valid = [each for each in choices if table.space.allows(each)]
    for size in sizes:
        if not 2 <= size < len(valid):
            raise InvalidArgument(
                f"sizes must be from 2 to {len(valid) - 1}, the rows of {table.name!r}; got {size}"
            )
    architectures = [table.space.architecture(each) for each in valid]
    truth = table.true_values(valid)
    for name in surrogates:
        chosen = named(name, table.space)
        if chosen.several is None:
            raise InvalidArgument(f"the surrogate {name!r} predicts nothing; leave it out")
        blocks = shared_blocks(table.space, chosen.encoders)
        X = blocks.encode(architectures)
        layout = Layout(blocks.slices, {})
        for j, objective in enumerate(table.objectives):
            y = oriented(truth[:, [j]], [objective.direction])[:, 0]
            for size in sizes:
                for draw in range(draws):
                    train = np.random.default_rng([size, draw]).permutation(len(y))[:size]
                    values = torch.from_numpy(y[train])
                    warp = Warp.of(values, form_of(values, alone=False))
                    with one_thread(), torch.no_grad():
                        model = chosen.several(
                            X[train], warp.warped(values).unsqueeze(1), layout, draw
                        )
                        told = warp.unwarped(marginals(model, X)[0]).numpy()
                    yield Quality(name, objective.name, size, draw, *_measures(told, y))


def _measures(told: Array, y: Array) -> tuple[float, float, float]:
    within = float(np.mean(np.abs(told - y) <= _CLOSE * np.abs(y)))
    return float(kendalltau(told, y).statistic), float(spearmanr(told, y).statistic), within


def prediction_table(found: Sequence[Quality]) -> str:
    """A text table: means over the draws, with the standard error of tau."""
    lines = [
        "surrogate    objective         rows  draws      Kendall tau  Spearman  within 10 %",
        "",
    ]
    keys = dict.fromkeys((q.surrogate, q.objective, q.rows) for q in found)
    for name, objective, rows in keys:
        group = [q for q in found if (q.surrogate, q.objective, q.rows) == (name, objective, rows)]
        tau = np.array([q.kendall for q in group])
        error = tau.std(ddof=1) / np.sqrt(len(tau)) if len(tau) > 1 else np.nan
        lines.append(
            f"{name:12} {objective:16} {rows:5d} {len(group):6d}   {tau.mean():.3f} ± {error:.3f}"
            f"     {np.mean([q.spearman for q in group]):.3f}"
            f"       {100 * np.mean([q.within for q in group]):5.1f}"
        )
    return "\n".join(lines)
