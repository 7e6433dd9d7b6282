"""Make ``nas_bench_201.npz`` out of two larger files: ``python make.py FOLDER``.

``FOLDER`` holds ``hw_nas_bench_201.npz`` and ``nb201.npz``, whose rows are in the benchmark's
official order. README.md next to this file describes the result and its sources. This script is not
shipped, nor are its two inputs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LEFT_OUT = "eyeriss_arithmetic_intensity"  # a property of the network, and no cost
NOT_RUNNING = -1.0  # the source's mark of a network that the device does not run


def compact(costs: Mapping[str, Array], accuracies: Mapping[str, Array]) -> dict[str, Array]:
    """Return each measurement as ``3 x 15625`` float32 (data set, cell), NaN where there is none.

    The cells are ordered by the operations on their edges, the last edge changing fastest.
    """
    order = np.lexsort(accuracies["ops"].T[::-1])
    made = {
        str(name): costs["hw"][:, order, i]
        for i, name in enumerate(costs["hw_metrics"])
        if name != LEFT_OUT
    }
    made["accuracy_12_epochs"] = accuracies["val_acc_12"][order].T
    made["test_accuracy"] = accuracies["test_acc_200"][order].T
    return {
        name: np.where(values == NOT_RUNNING, np.nan, values).astype(np.float32)
        for name, values in made.items()
    }


def _read(path: Path) -> dict[str, Array]:
    with np.load(path) as archive:
        return dict(archive)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    arrays = compact(_read(folder / "hw_nas_bench_201.npz"), _read(folder / "nb201.npz"))
    target = Path(__file__).with_name("nas_bench_201.npz")
    np.savez_compressed(target, allow_pickle=False, **arrays)
