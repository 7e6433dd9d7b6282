"""Held-out rows that are given apart: data in two parts, for training and validation, have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation.data.dataset import checked_length, is_dataset
from bonas.evaluation.data.inputs import checked_arguments, main_input
from bonas.evaluation.data.load import pair_of
from bonas.evaluation.data.rows import Numbers, number_array
from bonas.evaluation.data.splits import Part, Splits, all_tensors, in_memory
from bonas.evaluation.data.targets import IGNORE_INDEX, Targets, digest


def held_out(data: Any, splits: Splits) -> tuple[Part, str]:
    """Return rows as a part that networks for ``splits`` can be scored on, and a name of them.

    Args:
        data: A pair of inputs and targets, a data set, or a ``DataLoader``.
        splits: What is known of the data of the search. The targets may lack some of its classes.

    Raises:
        InvalidArgument: if ``data`` are of another kind.
        InvalidData: if inputs or targets are not as those of the search.
    """
    if isinstance(data, DataLoader):
        return data, f"{len(data)} batches of a loader"
    if is_dataset(data) and type(data) is not TensorDataset:
        n = checked_length(data)
        return Subset(data, range(n)), f"{n} rows of a {type(data).__name__}"
    x, y = pair_of(data)
    inputs = checked_arguments(x, len(y) if hasattr(y, "__len__") else None)
    main = main_input(inputs)
    if splits.input_shape and tuple(main.shape[1:]) != splits.input_shape:
        raise InvalidData(
            f"expected test inputs of shape n x {splits.input_shape}, as in the search, got "
            f"{tuple(main.shape)}; prepare them as the others"
        )
    targets = _targets(number_array(y, "targets"), main, splits)
    if len(targets) != len(main) or not len(main):
        raise InvalidData(
            f"expected one target per test row, got {len(main)} rows and {len(targets)} targets; "
            "give each row its target"
        )
    digests = ", ".join(digest(tensor) for tensor in (targets, *all_tensors(inputs)))
    return in_memory(inputs, targets), f"{len(targets)} rows {digests}"


def _targets(array: Numbers, inputs: Tensor, splits: Splits) -> Tensor:
    """Return targets of the search's task, as the table in ``targets`` has them."""
    if splits.task == "regression":
        values = Targets.numbers(array).values
        if splits.scale is not None and values.shape[1:] != (splits.outputs,):
            raise InvalidData(
                f"expected {splits.outputs} numbers per test row, got targets of shape "
                f"{tuple(array.shape)}; give those that the network predicts"
            )
        return values
    if splits.task == "multi_label":
        return Targets.multi_labels(array).values
    if splits.task == "next_token":
        return Targets.tokens(array, inputs).values
    if splits.task is None:
        return torch.as_tensor(array)
    return _labels(array, splits.classes)


def _labels(array: Numbers, classes: int) -> Tensor:
    values = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    known = values[values != IGNORE_INDEX] if values.ndim > 1 else values
    if (known != np.floor(known)).any() or (known < 0).any() or (known >= classes).any():
        found = np.unique(known)[:10].tolist()
        raise InvalidData(
            f"expected test labels from 0 to {classes - 1}, as in the search, got {found}; number "
            "the classes as there, and leave out rows of others"
        )
    return torch.from_numpy(values.astype(np.int64))
