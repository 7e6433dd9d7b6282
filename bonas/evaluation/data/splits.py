"""One data set in three parts, and what of its training rows a training needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from bonas.evaluation.data.arguments import Inputs, main_input, rows_of
from bonas.evaluation.data.shares import Parts
from bonas.evaluation.data.targets import UNTOLD, Targets, Task
from bonas.spaces.example import tensors_in


class Rows(Dataset[tuple[Any, Any]]):
    """Rows in memory whose inputs are those of several arguments, or that nothing is known of.

    Attributes:
        tensors: The inputs and the targets of all rows.
    """

    def __init__(self, inputs: Inputs, targets: Tensor) -> None:
        self.tensors = inputs, targets

    def __len__(self) -> int:
        return len(self.tensors[1])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return rows_of(self.tensors[0], index), self.tensors[1][index]


Part = TensorDataset | Rows | Subset[Any] | DataLoader[Any] | Sequence[Any]
"""Rows in memory, rows to be read one by one, or batches as they are."""


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
        outputs = outputs.cpu() if outputs.device.type == "mps" else outputs  # it has no doubles
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
        task: ``"classification"``, ``"multi_label"``, ``"regression"`` or ``"next_token"``; None
            where nothing is known of the targets.
        vocabulary: Inputs are token ids 0 to ``vocabulary - 1``; 0 where they are float32 numbers.
        counts: For classification, how many training rows (or places) each class has.
        scale: For a regression of ``n`` or ``n x columns`` numbers, mean and deviation of the
            training targets. Targets of more axes are taken as they are: a network's last layer
            may be made for their range.
        target_shape: The shape of the target of one row, as it was given.
        target_floats: Whether the targets were given as floats.
        shifted: The labels of a mapping are its token ids themselves, as causal language models of
            Hugging Face take them; the target of a token is the next one.
    """

    train: Part
    validation: Part
    test: Part | None
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
        """The size of the last axis of a network's outputs."""
        return self.classes if self.scale is None else len(self.scale.mean)

    @property
    def input_dtype(self) -> torch.dtype:
        """Of a batch of inputs of one argument: int64 for token ids, else float32."""
        return torch.int64 if self.vocabulary else torch.float32


def split_tensors(inputs: Inputs, targets: Targets, parts: Parts, name: str) -> Splits:
    """``n x ...`` inputs and their targets, cut into parts that lie in memory."""
    values = targets.values
    train, judged, aside = (in_memory(rows_of(inputs, rows), values[rows]) for rows in parts)
    test = aside if len(aside) else None
    return assembled((train, judged, test), targets, values[parts[0]], inputs, name)


def in_memory(inputs: Inputs, targets: Tensor) -> TensorDataset | Rows:
    """A part whose rows lie in memory."""
    if isinstance(inputs, Tensor):
        return TensorDataset(inputs, targets)
    return Rows(inputs, targets)


def assembled(
    parts: tuple[Part, Part, Part | None],
    targets: Targets,
    trained: Tensor,
    inputs: Inputs,
    name: str,
    *,
    shifted: bool = False,
) -> Splits:
    """The splits, with what their training targets ``trained`` tell.

    ``inputs`` is ``n x ...``: all of them where they are token ids, else at least one.
    """
    counts: tuple[int, ...] = ()
    if targets.task == "classification":
        told = trained[trained != UNTOLD]
        counts = tuple(torch.bincount(told, minlength=targets.classes).tolist())
    main = main_input(inputs)
    columns = targets.task == "regression" and len(targets.shape) < 2
    return Splits(
        *parts,
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
    """The tensors of all arguments."""
    return [tensor for _, tensor in tensors_in(inputs)]


def _has_fractions(inputs: Tensor) -> bool:
    return inputs.is_floating_point() or inputs.is_complex()


def _vocabulary(inputs: Tensor, targets: Targets) -> int:
    return targets.classes if targets.task == "next_token" else 1 + int(inputs.max())
