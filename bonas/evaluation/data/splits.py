"""One data set in three parts, and what of its training rows a training needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset

from bonas.evaluation.data.shares import Parts
from bonas.evaluation.data.targets import Targets, Task

Part = TensorDataset | Subset[Any] | DataLoader[Any]


@dataclass(frozen=True, slots=True)
class TargetScale:
    """Mean and standard deviation of each column of the training targets, in their units.

    A network for regression is trained on standardised targets; its outputs are turned back before
    they are judged.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, targets: Tensor) -> TargetScale:
        """The scale of ``n x columns`` targets; a column of one value keeps its unit."""
        deviation, mean = torch.std_mean(targets, dim=0, correction=0)
        deviation = torch.where(deviation > 0, deviation, 1.0)
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def standardised(self, targets: Tensor) -> Tensor:
        """``n x columns`` targets without units, float32."""
        return ((targets - targets.new_tensor(self.mean)) / targets.new_tensor(self.deviation)).to(
            torch.float32
        )

    def restored(self, outputs: Tensor) -> Tensor:
        """``n x columns`` outputs of a network in the units of the targets, float64."""
        outputs = outputs.double()
        return outputs * outputs.new_tensor(self.deviation) + outputs.new_tensor(self.mean)


@dataclass(frozen=True, slots=True)
class Splits:
    """One data set in three parts; a row is an input of ``input_shape`` and its target.

    Attributes:
        train: The rows that train a network.
        validation: The rows that judge it during the search.
        test: The rows kept for the end; None when none are kept.
        classes: Labels, or the token ids to tell, are 0 to ``classes - 1``; 0 for regression.
        input_shape: The shape of one input.
        name: Tells this data set from others: its name, or its shape and digests of its targets
            and inputs; of rows that are read one by one, the inputs are not looked at.
        task: ``"classification"``, ``"regression"`` or ``"next_token"``.
        vocabulary: Inputs are token ids 0 to ``vocabulary - 1``; 0 where they are float32 numbers.
        counts: For classification, how many training rows each class has.
        scale: For regression, mean and deviation of the training targets.
    """

    train: Part
    validation: Part
    test: Part | None
    classes: int
    input_shape: tuple[int, ...]
    name: str
    task: Task = "classification"
    vocabulary: int = 0
    counts: tuple[int, ...] = ()
    scale: TargetScale | None = None

    @property
    def outputs(self) -> int:
        """The size of the last axis of a network's outputs."""
        return self.classes if self.scale is None else len(self.scale.mean)

    @property
    def input_dtype(self) -> torch.dtype:
        """Of a batch of inputs: int64 for token ids, else float32."""
        return torch.int64 if self.vocabulary else torch.float32


def split_tensors(inputs: Tensor, targets: Targets, parts: Parts, name: str) -> Splits:
    """``n x ...`` inputs and their targets, cut into parts that lie in memory."""
    values = targets.values
    train, judged, aside = (TensorDataset(inputs[rows], values[rows]) for rows in parts)
    test = aside if len(aside) else None
    return assembled((train, judged, test), targets, train.tensors[1], inputs, name)


def assembled(
    parts: tuple[Part, Part, Part | None],
    targets: Targets,
    trained: Tensor,
    inputs: Tensor,
    name: str,
) -> Splits:
    """The splits, with what their training targets ``trained`` tell.

    ``inputs`` is ``n x ...``: all of them where they are token ids, else at least one.
    """
    counts: tuple[int, ...] = ()
    if targets.task == "classification":
        counts = tuple(torch.bincount(trained, minlength=targets.classes).tolist())
    return Splits(
        *parts,
        classes=targets.classes,
        input_shape=tuple(inputs.shape[1:]),
        name=name,
        task=targets.task,
        vocabulary=0 if inputs.is_floating_point() else _vocabulary(inputs, targets),
        counts=counts,
        scale=TargetScale.of(trained) if targets.task == "regression" else None,
    )


def _vocabulary(inputs: Tensor, targets: Targets) -> int:
    return targets.classes if targets.task == "next_token" else 1 + int(inputs.max())
