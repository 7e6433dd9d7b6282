"""Data split into train, validation and test, with what a training needs to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from bonas.evaluation.data.inputs import Inputs, main_input, rows_of
from bonas.evaluation.data.sealed import SealedPart
from bonas.evaluation.data.shares import Parts
from bonas.evaluation.data.targets import IGNORE_INDEX, Targets, Task
from bonas.spaces.example import tensors_in


class Rows(Dataset[tuple[Any, Any]]):
    """Rows in memory with several inputs, or with inputs of an unknown kind.

    Attributes:
        tensors: Inputs and targets of all rows.
    """

    def __init__(self, inputs: Inputs, targets: Tensor) -> None:
        self.tensors = inputs, targets

    def __len__(self) -> int:
        return len(self.tensors[1])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return rows_of(self.tensors[0], index), self.tensors[1][index]


Part = TensorDataset | Rows | Subset[Any] | DataLoader[Any] | Sequence[Any]
"""Rows in memory, rows that are read one by one, or batches."""


@dataclass(frozen=True, slots=True)
class TargetScale:
    """Mean and standard deviation of each column of the training targets, in their units.

    A network for regression is trained on standardised targets; its outputs are restored to these
    units before they are scored.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, targets: Tensor) -> TargetScale:
        """Return the scale of ``n x columns`` targets; a constant column keeps its unit."""
        deviation, mean = torch.std_mean(targets, dim=0, correction=0)
        deviation = torch.where(deviation > 0, deviation, 1.0)
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def standardise(self, targets: Tensor) -> Tensor:
        """Return standardised ``n x columns`` targets, float32."""
        return ((targets - targets.new_tensor(self.mean)) / targets.new_tensor(self.deviation)).to(
            torch.float32
        )

    def restore(self, outputs: Tensor) -> Tensor:
        """Return ``n x columns`` outputs of a network in the units of the targets, float64."""
        outputs = outputs.cpu() if outputs.device.type == "mps" else outputs  # it has no float64
        outputs = outputs.double()
        return outputs * outputs.new_tensor(self.deviation) + outputs.new_tensor(self.mean)


@dataclass(frozen=True, slots=True)
class Splits:
    """Data in three parts; a row is an input of ``input_shape`` and its target.

    Attributes:
        train: Rows that train a network.
        validation: Rows that score it during the search.
        test: Rows held out for the end; None if there are none. They have a length, and reading
            them raises ``SealedRows``: only ``bonas.finalize`` opens them.
        classes: Labels, or predicted token ids, are 0 to ``classes - 1``; 0 for regression.
        input_shape: Shape of one input.
        name: Identifier of the data: their name, or their shape with digests of targets and inputs.
            The inputs of rows that are read one by one have no digest.
        task: ``"classification"``, ``"multi_label"``, ``"regression"`` or ``"next_token"``; None
            if the targets are of an unknown kind.
        vocabulary: Inputs are token ids 0 to ``vocabulary - 1``; 0 for float32 inputs.
        counts: For classification, the number of training rows (or positions) per class.
        scale: For a regression of ``n`` or ``n x columns`` numbers, mean and deviation of the
            training targets. Targets with more axes are not standardised: the last layer of a
            network may be made for their range.
        target_shape: Shape of the target of one row, as it was given.
        target_floats: Whether the targets were given as floats.
        shifted: Whether the labels are the input ids themselves, as for causal language models of
            Hugging Face; the target of a token is then the next one.
    """

    train: Part
    validation: Part
    test: SealedPart | None
    classes: int
    input_shape: tuple[int, ...]
    name: str
    task: Task | None = "classification"
    vocabulary: int = 0
    counts: tuple[int, ...] = ()
    scale: TargetScale | None = None
    target_shape: tuple[int, ...] = ()
    target_floats: bool = False
    shifted: bool = False

    @property
    def outputs(self) -> int:
        """Size of the last axis of a network's outputs."""
        return self.classes if self.scale is None else len(self.scale.mean)

    @property
    def input_dtype(self) -> torch.dtype:
        """Dtype of a batch of single inputs: int64 for token ids, else float32."""
        return torch.int64 if self.vocabulary else torch.float32


def split_tensors(inputs: Inputs, targets: Targets, parts: Parts, name: str) -> Splits:
    """Cut ``n x ...`` inputs and their targets into parts in memory."""
    values = targets.values
    train, validation, held_out = (in_memory(rows_of(inputs, rows), values[rows]) for rows in parts)
    test = held_out if len(held_out) else None
    return assemble((train, validation, test), targets, values[parts[0]], inputs, name)


def in_memory(inputs: Inputs, targets: Tensor) -> TensorDataset | Rows:
    """Return a part whose rows are in memory."""
    if isinstance(inputs, Tensor):
        return TensorDataset(inputs, targets)
    return Rows(inputs, targets)


def assemble(
    parts: tuple[Part, Part, Part | None],
    targets: Targets,
    trained: Tensor,
    inputs: Inputs,
    name: str,
    *,
    shifted: bool = False,
) -> Splits:
    """Return the splits with class counts or scale of their training targets ``trained``.

    ``inputs`` are ``n x ...``: all of them if they are token ids, else at least one row.
    """
    counts: tuple[int, ...] = ()
    if targets.task == "classification":
        known = trained[trained != IGNORE_INDEX]
        counts = tuple(torch.bincount(known, minlength=targets.classes).tolist())
    main = main_input(inputs)
    columns = targets.task == "regression" and len(targets.shape) < 2
    train, validation, test = parts
    return Splits(
        train,
        validation,
        None if test is None else SealedPart(test),
        classes=targets.classes,
        input_shape=tuple(main.shape[1:]),
        name=name,
        task=targets.task,
        vocabulary=0 if _has_fractions(main) else _vocabulary(main, targets),
        counts=counts,
        scale=TargetScale.of(trained) if columns else None,
        target_shape=targets.shape,
        target_floats=targets.floats,
        shifted=shifted,
    )


def all_tensors(inputs: Inputs) -> list[Tensor]:
    """Return the tensors of all arguments."""
    return [tensor for _, tensor in tensors_in(inputs)]


def _has_fractions(inputs: Tensor) -> bool:
    return inputs.is_floating_point() or inputs.is_complex()


def _vocabulary(inputs: Tensor, targets: Targets) -> int:
    return targets.classes if targets.task == "next_token" else 1 + int(inputs.max())
