"""A small file of recorded trainings, for the tests of what replays them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CELLS = 60


def write_curves(folder: Path) -> Path:
    """Write recorded trainings of random cells to a folder, and return it."""
    rng = np.random.default_rng(0)
    codes = rng.permutation(5**6)[:CELLS]
    ops = np.stack([codes // 5**i % 5 for i in range(6)], axis=1)
    final = 80 + 1.2 * (ops >= 2).sum(1) + rng.normal(0, 0.3, CELLS)
    epoch = np.arange(1, 101)
    rise = 1 - np.exp(-epoch / 15)
    validation = final[:, None] * rise + rng.normal(0, 1.0, (CELLS, 100))
    training = (final[:, None] + 5) * rise + rng.normal(0, 0.1, (CELLS, 100))
    epochs = np.full(CELLS, 100)
    epochs[-3:] = 200
    np.savez(
        folder / "spikenas.npz",
        ops=ops.astype(np.int8),
        final_val_acc=final,
        params=1_000_000 + 100_000 * (ops >= 2).sum(1),
        epochs_run=epochs,
        val_curve_x250=np.round(250 * validation.clip(0, 100)).astype(np.uint16),
        train_curve_x250=np.round(250 * training.clip(0, 100)).astype(np.uint16),
        train_seconds=1000.0 + 100 * rng.random(CELLS),
    )
    return folder
