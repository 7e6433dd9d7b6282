"""Supernets of perceptrons that are trained in a moment."""

from __future__ import annotations

import numpy as np

from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace, Space
from bonas.supernets import Supernet

BLOBS = MLPSpace(4, 2, depths=(1, 2), widths=(4, 8), norms=("none", "batch_norm"))
"""Networks for two clouds of points."""

Y = np.arange(160) % 2
X = np.random.default_rng(0).normal(size=(160, 4)) + Y[:, None]
ON_BLOBS = ShortTraining((X, Y), epochs=1)

IRIS = MLPSpace(inputs=4, classes=3, depths=(1, 2, 3), widths=(8, 16, 64))
"""Networks for the bundled irises."""

ON_IRIS = ShortTraining("iris", epochs=1, batch_size=16)


def trained(space: Space, training: ShortTraining, paths: int, rule: str = "auto") -> Supernet:
    """Return a supernet that a few paths have trained."""
    made = Supernet(space, training)
    made.fit(paths, rule=rule, progress=False)
    return made
