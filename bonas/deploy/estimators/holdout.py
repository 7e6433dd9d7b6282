"""Holding out rows for validation, or drawing a few of them: seeded, stratified, down to few rows.

A class of ``r`` rows gives ``floor(share * r)`` of them, and the classes with the largest
remainders one more until ``share * n`` rows are reached. Unlike a strict stratification it works
for classes of a single row: these stay in the training rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bonas.arguments import check_range
from bonas.errors import InvalidArgument, InvalidData

Rows = npt.NDArray[np.int64]


def held_out(labels: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Return the training and the validation rows, in random order.

    Args:
        labels: The class of each row, from 0; all 0 where there are no classes.
        share: Of the rows, for validation, in (0, 1).
        seed: Of the draw.

    Raises:
        InvalidArgument: if the share is not in (0, 1).
        InvalidData: if there are too few rows: 3 at least, and two of one class.
    """
    if not check_range("validation", share, 0.0, 1.0):
        raise InvalidArgument("validation must be a share of the rows above 0, got 0")
    n, counts = len(labels), np.bincount(labels)
    most = np.maximum(counts - 1, 0)
    wanted = min(max(1, round(share * n)), n - 2)
    if wanted < 1 or not most.any():
        raise InvalidData(
            f"expected at least 3 rows, two of one class, to hold out some for validation, got "
            f"n_samples = {n} of {len(counts)} class(es); add rows"
        )
    taken = _drawn(labels, _quotas(counts, wanted, np.zeros_like(counts), most), seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    rest = np.setdiff1d(np.arange(n), taken)
    return rng.permutation(rest), rng.permutation(taken)


def thinned(rows: Rows, labels: Rows, wanted: int, seed: int) -> Rows:
    """Return about ``wanted`` of the ``rows``, at least one per class that they have."""
    if wanted >= len(rows):
        return rows
    counts = np.bincount(labels[rows])
    quotas = _quotas(counts, wanted, np.minimum(counts, 1), counts)
    return rows[np.sort(_drawn(labels[rows], quotas, seed))]


def _quotas(counts: Rows, wanted: int, least: Rows, most: Rows) -> Rows:
    """Return how many rows each class gives: in proportion, by largest remainders."""
    ideal = counts * wanted / counts.sum()
    quotas: Rows = np.clip(np.floor(ideal).astype(np.int64), least, most)
    order = np.argsort(-(ideal - np.floor(ideal)), kind="stable")
    while quotas.sum() < min(wanted, most.sum()):
        for label in order:
            if quotas[label] < most[label] and quotas.sum() < wanted:
                quotas[label] += 1
    return quotas


def _drawn(labels: Rows, quotas: Rows, seed: int) -> Rows:
    """Return so many random rows of each class."""
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    parts = [rng.permutation(np.flatnonzero(labels == k))[:q] for k, q in enumerate(quotas)]
    return np.concatenate(parts)
