"""SpikeNAS-Bench: spiking networks on CIFAR-10, made of cells shaped as NAS-Bench-201's.

Source: Sun et al. (2025), "SpikeNAS-Bench: Benchmarking NAS algorithms for spiking neural network
architecture", IEEE Transactions on Artificial Intelligence 6(6).
"""

from __future__ import annotations

from os import PathLike

import numpy as np

from bonas.benchmarks.tables.folder import RecordedCells, Source
from bonas.benchmarks.tables.table import Table
from bonas.evaluation import ACCURACY

OPERATIONS = ("none", "identity", "spike_low_3x3", "spike_middle_3x3", "spike_high_3x3")
"""The operations; the last three are a 3x3 convolution behind neurons with a low, middle or high
threshold."""

SOURCE = Source(
    "spikenas.npz",
    ("ops", "final_val_acc"),
    "the trainings of tju-sun-lab/SpikeNAS-Bench (its data/CIFAR10/*/train_process.txt)",
)


class SpikeNASBench(Table):
    """All 15,625 cells; the truth is the validation accuracy (%) at the end of their one training.

    Args:
        folder: The folder with ``spikenas.npz``: ``ops`` (15625 x 6, numbers of ``OPERATIONS`` in
            the order of the edges) and ``final_val_acc`` (15625).

    Raises:
        MissingData: if the file is not there.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        data = SOURCE.read(folder)
        names = np.array(OPERATIONS, object)
        super().__init__(
            "spikenas",
            RecordedCells(OPERATIONS),
            (ACCURACY,),
            list(map(tuple, names[data["ops"]].tolist())),
            data["final_val_acc"][:, np.newaxis].astype(np.float64),
        )
