"""How well the end of a training is predicted from its first epochs, after few finished ones.

Predictions are scored on random cells that were never trained to the end: by Spearman's
correlation with their final accuracies, by that within the better half of the table, where a search
decides, and by how many final accuracies lie in their 80 % interval. Cells that stay at chance
level are left out. With fewer finished trainings than the model needs, the curves' raw values are
scored; they have no interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from bonas.benchmarks.curves.recorded import Array, RecordedCurves
from bonas.encoders import Layout, shared_blocks
from bonas.evaluation.curve import Curve
from bonas.studies.stopping.lessons import ENCODERS
from bonas.surrogates.curve_features import curve_features, raw_value
from bonas.surrogates.learning_curve import LEAST, fit_learning_curve
from bonas.threads import one_thread

_CHANCE = 11.0  # %, for ten classes: below it nothing was learnt
_TEST = 300  # cells on which each prediction is scored
_INTERVAL = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


@dataclass(frozen=True)
class Quality:
    """The scores of one draw of ``finished`` trainings, for curves of ``epochs`` epochs.

    ``coverage`` and ``width`` (in %) are NaN where no interval is claimed.
    """

    finished: int
    epochs: int
    draw: int
    spearman: float
    better_half: float
    coverage: float
    width: float


def prediction_quality(
    curves: RecordedCurves, sizes: Sequence[int], epochs: Sequence[int], draws: Sequence[int]
) -> Iterator[Quality]:
    """Predict random cells after ``sizes`` finished trainings, from their first ``epochs``."""
    learning = np.flatnonzero(curves.truth[:, 0] > _CHANCE)
    median = float(np.median(curves.truth[learning, 0]))
    for size, cut, draw in product(sizes, epochs, draws):
        drawn = np.random.default_rng([draw, size]).permutation(learning)[: size + _TEST]
        final = curves.truth[drawn, 0]
        if size < LEAST:
            predicted = _raw_values(curves, drawn[size:], cut)
            low = high = np.full(len(predicted), math.nan)
        else:
            low, predicted, high = _predicted(curves, drawn, size, cut)
        truth = final[size:]
        inside, better = (low <= truth) & (truth <= high), truth >= median
        yield Quality(
            size,
            cut,
            draw,
            _spearman(predicted, truth),
            _spearman(predicted[better], truth[better]),
            float(inside.mean()) if size >= LEAST else math.nan,
            float((high - low).mean()),
        )


def _predicted(curves: RecordedCurves, drawn: Array, size: int, cut: int) -> Array:
    """Return the quantiles of the final values of all but the first ``size`` cells, ``3 x n``."""
    blocks = shared_blocks(curves.space, ENCODERS)
    choices = [dict(zip(curves.space.parameters, curves.rows[row], strict=True)) for row in drawn]
    X = blocks.encode([curves.space.architecture(each) for each in choices])
    rows = [curve_features(own, [training]) for own, training in _cut(curves, drawn, cut)]
    features = torch.tensor(rows, dtype=torch.float64)
    y = torch.from_numpy(curves.truth[drawn, 0])
    with one_thread(), torch.no_grad():
        layout = Layout(blocks.slices, {})
        model = fit_learning_curve(features[:size], X[:size], y[:size], layout)
        found: Tensor = model.quantiles(features[size:], X[size:], _INTERVAL)
    quantiles: Array = found.numpy()
    return quantiles


def _raw_values(curves: RecordedCurves, drawn: Array, cut: int) -> Array:
    share = cut / curves.epochs
    return np.array([raw_value(own, train, share) for own, train in _cut(curves, drawn, cut)])


def _cut(curves: RecordedCurves, drawn: Array, cut: int) -> Iterator[tuple[Curve, Curve]]:
    """Yield validation and training curve of each cell, up to an epoch."""
    steps, unknown = tuple(range(1, cut + 1)), (math.nan,) * cut
    for row in drawn:
        values = (tuple(recorded[row, :cut].tolist()) for recorded in _recorded(curves))
        own, training = (Curve(steps, each, unknown) for each in values)
        yield own, training


def _recorded(curves: RecordedCurves) -> tuple[Array, Array]:
    return curves.validation, curves.training


def _spearman(predicted: Array, truth: Array) -> float:
    return float(spearmanr(predicted, truth).statistic)
