"""TransNAS-Bench-101: the same networks on several tasks of computer vision.

Two spaces: 4,096 cells shaped as NAS-Bench-201's, and 3,255 networks of four to six modules.

Source: Duan et al. (2021), "TransNAS-Bench-101: Improving transferability and generalizability of
cross-task neural architecture search", CVPR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from bonas.benchmarks.tables.folder import RecordedCells, Source
from bonas.benchmarks.tables.spaces import chain
from bonas.benchmarks.tables.table import Table
from bonas.errors import unknown
from bonas.evaluation import ACCURACY, Objective
from bonas.spaces import ArchitectureGraph, Choices, Space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
MODULES = ("plain", "widen", "shrink", "widen_shrink")
"""The modules: plain, with doubled channels, with a halved image, with both."""

_SSIM = Objective("ssim", "maximize")
TASKS = {
    "autoencoder": _SSIM,
    "class_object": ACCURACY,
    "jigsaw": ACCURACY,
    "normal": _SSIM,
    "room_layout": Objective("negative_loss", "maximize"),
    "segmentsemantic": Objective("miou", "maximize", "%"),
}
"""The objective of each task, measured on the validation images."""

SOURCE = Source(
    "transnas101.npz",
    ("tasks", "cell_ops", "cell_score", "macro_code", "macro_score"),
    "the scores of TransNAS-Bench-101 (from leeyeehoo/GenNAS-Zero, its data/trans/*.json)",
)


class MacroSpace(Space):
    """Chains of four to six modules, each out of ``MODULES``.

    ``module_5`` and ``module_6`` may also be ``"none"``; only the table's rows are valid.
    """

    parameters: Mapping[str, Sequence[str]] = {
        **{f"module_{i}": MODULES for i in (1, 2, 3, 4)},
        **{f"module_{i}": ("none", *MODULES) for i in (5, 6)},
    }

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the chain of the modules other than ``"none"``."""
        return chain([str(choices[name]) for name in self.parameters if choices[name] != "none"])


class TransNASBench101(Table):
    """One task of the benchmark in one of its two spaces; a network was trained once.

    Args:
        folder: The folder with ``transnas101.npz``: ``tasks``; ``cell_ops`` (4096 x 6, numbers of
            ``OPERATIONS`` in the order of the edges), ``macro_code`` (3255 x 6, numbers of
            ``MODULES`` from 1, 0 where there is none); ``cell_score``, ``macro_score`` (networks x
            tasks).
        space: ``"cell"`` or ``"macro"``.
        task: One of ``TASKS``; all are to be maximised.

    Raises:
        InvalidArgument: for an unknown space or task.
        MissingData: if the file is not there.
    """

    def __init__(
        self, folder: str | PathLike[str], space: str = "cell", task: str = "class_object"
    ) -> None:
        if space not in ("cell", "macro"):
            raise unknown("space of TransNAS-Bench-101", space, ("cell", "macro"))
        if task not in TASKS:
            raise unknown("task of TransNAS-Bench-101", task, TASKS)
        data = SOURCE.read(folder)
        if space == "cell":
            names, codes = np.array(OPERATIONS, object), data["cell_ops"]
        else:
            names, codes = np.array(["none", *MODULES], object), data["macro_code"]
        score = data[f"{space}_score"][:, data["tasks"].tolist().index(task)]
        super().__init__(
            f"transnas-{space}-{task}",
            RecordedCells(OPERATIONS) if space == "cell" else MacroSpace(),
            (TASKS[task],),
            list(map(tuple, names[codes].tolist())),
            score[:, np.newaxis].astype(np.float64),
        )
