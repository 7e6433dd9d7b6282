"""Data sets bundled with scikit-learn, standardised by the mean and deviation of training rows."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)

from bonas.evaluation.data.rows import checked_inputs
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Splits, split_tensors
from bonas.evaluation.data.targets import Targets, Task

TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast-cancer": load_breast_cancer,
    "diabetes": load_diabetes,
}


def digits(shares: Shares) -> Splits:
    """Split the digits: 1,797 grey images of 8 x 8 pixels, with mean 0 and deviation 1."""
    images, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(images.astype(np.float32) / 16).reshape(-1, 1, 8, 8)
    targets = Targets.labels(labels)
    parts = shares.parts(targets)
    mean, deviation = inputs[parts[0]].mean(), inputs[parts[0]].std()
    return split_tensors((inputs - mean) / deviation, targets, parts, "digits")


def table(name: str, shares: Shares) -> Splits:
    """Split one of ``TABLES``; each column has mean 0 and deviation 1."""
    x, y = TABLES[name](return_X_y=True)
    task: Task = "regression" if name == "diabetes" else "classification"
    targets = Targets.of(y, checked_inputs(x), task)
    parts = shares.parts(targets)
    standardised = (x - x[parts[0]].mean(axis=0)) / x[parts[0]].std(axis=0)
    return split_tensors(checked_inputs(standardised), targets, parts, name)
