"""Facts about the data sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris

from bonas.errors import InvalidArgument
from bonas.evaluation import load
from bonas.evaluation.data.sealed import opened


@pytest.mark.parametrize(
    ("name", "rows", "columns", "outputs", "task"),
    [
        ("iris", 150, 4, 3, "classification"),
        ("wine", 178, 13, 3, "classification"),
        ("breast-cancer", 569, 30, 2, "classification"),
        ("diabetes", 442, 10, 1, "regression"),
    ],
)
def test_tables_are_standardised_by_their_training_rows(
    name: str, rows: int, columns: int, outputs: int, task: str
) -> None:
    splits = load(name)
    assert (splits.name, splits.input_shape) == (name, (columns,))
    assert (splits.outputs, splits.task) == (outputs, task)
    assert splits.test is not None
    assert sum(len(part) for part in (splits.train, splits.validation, splits.test)) == rows
    x = splits.train[:][0]
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(columns), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(dim=0, correction=0), torch.ones(columns))


def test_tables_keep_rows_and_targets_together() -> None:
    """Compare the order of the values in a column, which standardising does not change."""
    splits = load("diabetes")
    x, y = load_diabetes(return_X_y=True)
    assert splits.test is not None
    parts: list[Any] = [splits.train, splits.validation, opened(splits.test)]
    inputs, targets = (torch.cat([part[:][i] for part in parts]) for i in (0, 1))
    found = np.lexsort((inputs[:, 2], targets.flatten()))
    expected = np.lexsort((x[:, 2], y))
    scaled = inputs.numpy()[found, 2]
    assert np.corrcoef(scaled, x[expected, 2])[0, 1] == pytest.approx(1)
    assert sorted(targets.flatten().tolist()) == sorted(y.tolist())


def test_a_name_has_its_task() -> None:
    assert load("iris", task="classification").classes == len(load_iris().target_names)
    with pytest.raises(InvalidArgument, match=r"the task 'classification' for the data 'iris', go"):
        load("iris", task="regression")
