"""How well surrogates predict a whole table from a few random rows of it.

Predictions of accuracy are scored by Kendall's tau over all rows, which rewards the right order;
those of a cost by the share of rows predicted within a tenth, and by Spearman's rank correlation.
Surrogates are fitted to values under an outcome transform (``surrogates/outcome_transform.py``):
the normal scores of their ranks, since everything is to be ranked here, or that of a search for
several objectives, which raises very bad values to a floor.

Source: White, Zela, Ru, Liu and Hutter (2021), "How powerful are performance predictors in neural
architecture search?", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr
from torch import Tensor

from bonas.benchmarks.tables import Table
from bonas.benchmarks.tables.scale import Array
from bonas.benchmarks.tables.scores import RecordedScores
from bonas.encoders import Blocks, Encoder, Layout, ScoredNetworks, ZeroCostScores, shared_blocks
from bonas.encoders.scored_networks import LookUp
from bonas.encoders.zero_cost import SCORED, networks_to_score
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.objective import oriented
from bonas.spaces import Architecture, Choices
from bonas.studies.proposing.presets import WITH_SCORES, preset
from bonas.surrogates import Surrogate, fit_transformed
from bonas.surrogates.outcome_transform import Form, choose_form
from bonas.threads import one_thread

VALUES = ("ranks", "search")
"""The outcome transforms: normal scores of ranks, and that of a search for several objectives."""

_CLOSE = 0.1  # relative error of a prediction that counts as right


@dataclass(frozen=True)
class Quality:
    """The scores of one fit, to one random draw of ``rows`` training rows.

    ``values`` is one of ``VALUES``, the outcome transform.
    """

    surrogate: str
    values: str
    objective: str
    rows: int
    draw: int
    kendall: float
    spearman: float
    within: float


def predict(
    table: Table,
    surrogates: Sequence[str],
    sizes: Sequence[int],
    draws: int | Sequence[int],
    values: Sequence[str] = ("ranks",),
    encoders: Sequence[str] | None = None,
) -> Iterator[Quality]:
    """Fit each surrogate to random rows, and score it on all rows.

    Every surrogate is fitted to the same rows. Each objective of the table is predicted by itself;
    rows whose choices are not valid in the space are left out.

    Args:
        table: The table.
        surrogates: Names of surrogates.
        sizes: Numbers of training rows.
        draws: The number of random training sets per size, or their seeds.
        values: The outcome transforms, names out of ``VALUES``.
        encoders: What every surrogate reads, besides scores; None for what it reads by default.

    Where the table has zero-cost scores, a surrogate that can read them is fitted with them, too:
    as ``<name>+scores`` with those of every row, as ``<name>+300 scores`` with those of 300
    networks, by which those of all others are predicted.

    Raises:
        InvalidArgument: for an unknown surrogate or ``random``, an unknown outcome transform, a
            size that the table lacks.
    """
    for name in values:
        if name not in VALUES:
            raise unknown("outcome transform", name, VALUES)
    seeds = range(draws) if isinstance(draws, int) else draws
    choices, truth = _valid_rows(table)
    for size in sizes:
        if not 2 <= size < len(choices):
            raise InvalidArgument(
                f"sizes must be from 2 to {len(choices) - 1}, the rows of {table.name!r}; "
                f"got {size}"
            )
    architectures = [table.space.architecture(each) for each in choices]
    for name, surrogate, blocks in _variants(table, surrogates, encoders):
        X = blocks.encode(architectures)
        layout = Layout(blocks.slices, {})
        for j, objective in enumerate(table.objectives):
            y = oriented(truth[:, [j]], [objective.direction])[:, 0]
            for form, size, draw in product(values, sizes, seeds):
                predicted = _fit_predict(surrogate, X, y, layout, form, size, draw)
                yield Quality(name, form, objective.name, size, draw, *_scores(predicted, y))


def _variants(
    table: Table, names: Sequence[str], encoders: Sequence[str] | None
) -> Iterator[tuple[str, Surrogate, Blocks]]:
    """Yield the surrogates with what they read: plain and, where there are some, with scores."""
    for name in names:
        chosen = preset(name, table.space)
        if chosen.several is None:
            raise InvalidArgument(f"the surrogate {name!r} predicts nothing; leave it out")
        yield name, chosen.several, shared_blocks(table.space, encoders or chosen.encoders)
        scored = WITH_SCORES.get(name)
        if table.scores is None or scored is None or scored.several is None:
            continue
        for suffix, scores in _encoders_of_scores(table, table.scores):
            read: list[str | Encoder] = [*(encoders or scored.encoders), scores]
            yield name + suffix, scored.several, Blocks(table.space, read)


def _encoders_of_scores(
    table: Table, scores: RecordedScores
) -> Iterator[tuple[str, ZeroCostScores]]:
    """Yield an encoder of the scores of all rows, and one of the scores of a few networks."""

    def look_up(architecture: Architecture) -> dict[str, float]:
        return scores.of(table.row(architecture.choices))

    def encoder(known: Sequence[Architecture], more: LookUp | None) -> ZeroCostScores:
        values = scores.values[[table.row(each.choices) for each in known]]
        return ZeroCostScores(table.space, ScoredNetworks(known, scores.names, values, more))

    yield "+scores", encoder(table.space.reference, look_up)
    few = networks_to_score(table.space)[:SCORED]
    if len(few) == SCORED:
        yield f"+{SCORED} scores", encoder(few, None)


def _valid_rows(table: Table) -> tuple[list[Choices], Array]:
    """Return the choices that are valid in the space, and their true values ``n x m``."""
    names = list(table.space.parameters)
    choices: list[Choices] = [dict(zip(names, row, strict=True)) for row in table.rows]
    valid = [each for each in choices if table.space.allows(each)]
    return valid, table.true_values(valid)


def _fit_predict(
    surrogate: Surrogate, X: Tensor, y: Array, layout: Layout, values: str, size: int, draw: int
) -> Array:
    """Fit a surrogate to ``size`` random rows, and predict all of them, ``n``."""
    train = np.random.default_rng([size, draw]).permutation(len(y))[:size]
    known = torch.from_numpy(y[train])
    form: Form = "ranks" if values == "ranks" else choose_form(known, alone=False)
    with one_thread(), torch.no_grad():
        model = fit_transformed(surrogate, X[train], known, layout, draw, form)
        predicted: Array = model.untransformed_marginals(X)[0].numpy()
    return predicted


def _scores(predicted: Array, y: Array) -> tuple[float, float, float]:
    """Return Kendall's tau, Spearman's correlation, and the share of close predictions."""
    within = float(np.mean(np.abs(predicted - y) <= _CLOSE * np.abs(y)))
    tau, rho = kendalltau(predicted, y).statistic, spearmanr(predicted, y).statistic
    return float(tau), float(rho), within


def prediction_table(found: Sequence[Quality]) -> str:
    """Return a text table: means over the draws, with the standard error of tau."""
    header = f"{'surrogate':18} {'values':7} {'objective':16}  rows  draws"
    lines = [f"{header}      Kendall tau  Spearman  within 10 %", ""]
    groups: dict[tuple[str, str, str, int], list[Quality]] = {}
    for q in found:
        groups.setdefault((q.surrogate, q.values, q.objective, q.rows), []).append(q)
    for (name, values, objective, rows), group in groups.items():
        tau = np.array([q.kendall for q in group])
        error = tau.std(ddof=1) / np.sqrt(len(tau)) if len(tau) > 1 else np.nan
        lines.append(
            f"{name:18} {values:7} {objective:16} {rows:5d} {len(group):6d}"
            f"   {tau.mean():.3f} ± {error:.3f}     {np.mean([q.spearman for q in group]):.3f}"
            f"       {100 * np.mean([q.within for q in group]):5.1f}"
        )
    return "\n".join(lines)
