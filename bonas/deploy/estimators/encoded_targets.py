"""Encoded targets: what a network learns for each row, out of what the user gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class EncodedTargets:
    """The targets of all rows, as bonas trains on them.

    Attributes:
        task: The task.
        values: ``n`` labels 0 to ``outputs - 1``, ``n x outputs`` of 0 and 1, or ``n`` or ``n x
            outputs`` numbers.
        outputs: Of a network.
    """

    task: Literal["classification", "multi_label", "regression"]
    values: Array
    outputs: int

    @property
    def strata(self) -> npt.NDArray[np.int64]:
        """The class of each row by which rows are split; 0 for all where there is none."""
        if self.task == "classification":
            return self.values.astype(np.int64)
        return np.zeros(len(self.values), np.int64)
