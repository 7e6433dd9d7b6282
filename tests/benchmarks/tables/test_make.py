"""The script that made the shipped data, on sources of two data sets and three cells."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    path = ROOT / "bonas/benchmarks/tables/data/make.py"
    spec = importlib.util.spec_from_file_location("make", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cells_are_reordered_and_what_does_not_run_is_missing(make: ModuleType) -> None:
    # In the order of their operations the cells are (0, 2), (1, 0), (1, 1): rows 1, 2, 0.
    names = np.array(["fpga_latency", "eyeriss_arithmetic_intensity"])
    latency = np.array([[1.0, 2.0, -1.0], [4.0, 5.0, 6.0]])
    costs = {"hw": np.stack([latency, latency], axis=2), "hw_metrics": names}
    accuracies = {
        "ops": np.array([[1, 1], [0, 2], [1, 0]]),
        "val_acc_12": np.array([[10.0, 11.0], [20.0, 21.0], [30.0, 31.0]]),
        "test_acc_200": np.array([[70.0, 71.0], [80.0, 81.0], [90.0, 91.0]]),
    }
    made = make.compact(costs, accuracies)
    assert set(made) == {"fpga_latency", "accuracy_12_epochs", "test_accuracy"}
    np.testing.assert_array_equal(made["fpga_latency"], [[2.0, np.nan, 1.0], [5.0, 6.0, 4.0]])
    np.testing.assert_array_equal(made["accuracy_12_epochs"], [[20, 30, 10], [21, 31, 11]])
    np.testing.assert_array_equal(made["test_accuracy"], [[80, 90, 70], [81, 91, 71]])
    assert {array.dtype for array in made.values()} == {np.dtype(np.float32)}
