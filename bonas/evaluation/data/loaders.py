"""Data given as two ``DataLoader``, one for training and one for validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.data.inputs import Inputs, as_tensors, is_structured, main_input, unpack
from bonas.evaluation.data.language import are_input_ids, shift_labels
from bonas.evaluation.data.rows import Numbers, are_tokens, checked_inputs, kind_of, number_array
from bonas.evaluation.data.splits import Splits, assemble
from bonas.evaluation.data.targets import Targets, Task


def from_loaders(train: DataLoader[Any], validation: DataLoader[Any], task: Task | None) -> Splits:
    """Use both as given, with no test part; each is read once for its targets.

    Reading draws no global random numbers, but advances a loader's own generator if it has one. The
    name of the data depends on the numbers of rows and on the targets, in any order.

    Raises:
        InvalidArgument: if a loader has no length.
        InvalidData: if a batch is not a valid pair of inputs and targets.
    """
    (first, trained, shifted), (other, validated, _) = _read(train), _read(validation)
    n, m = len(trained), len(validated)
    tokens = not (first.is_floating_point() or first.is_complex())
    example = torch.maximum(first, other.max()) if tokens else first
    inputs = example.expand(n + m, *example.shape)
    targets = Targets.of(np.concatenate([trained, validated]), inputs, task)
    in_order = replace(targets, values=targets.values.flatten().sort().values)
    name = f"loaders, {in_order.name((n, m, *example.shape))}"
    parts = (train, validation, None)
    return assemble(parts, targets, targets.values[:n], inputs, name, shifted=shifted)


def _read(loader: DataLoader[Any]) -> tuple[Tensor, Numbers, bool]:
    """Return one input, raised to the highest token id of all, and all targets.

    The last value says whether the targets were shifted by one token.
    """
    example: Tensor | None = None
    targets: list[Numbers] = []
    shifted = False
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        for inputs, y in _checked_batches(loader):
            x = main_input(inputs)
            if example is None:
                example = checked_inputs(x)[0]
                shifted = are_input_ids(inputs, y)
            if are_tokens(x.ndim - 1, x.is_floating_point() or x.is_complex(), x.dtype.itemsize):
                example = torch.maximum(example, checked_inputs(x).max())
            targets.append(number_array(shift_labels(y) if shifted else y, "targets"))
    if example is None:
        raise InvalidData("expected at least one batch of each DataLoader, got none; add rows")
    try:
        return example, np.concatenate(targets), shifted
    except ValueError as error:
        raise InvalidData(
            f"expected targets of one shape in all batches, got others ({error}); pad the rows"
        ) from error


def check_length(loader: DataLoader[Any]) -> None:
    """Raise an error for a loader without a length.

    Raises:
        InvalidArgument: naming its data set.
    """
    try:
        len(loader)
    except TypeError as error:
        raise InvalidArgument(
            "expected DataLoaders that know how many batches they have, got one of "
            f"{kind_of(loader.dataset)} without a length; give its data set __len__"
        ) from error


def _checked_batches(loader: DataLoader[Any]) -> Iterator[tuple[Inputs, Tensor]]:
    check_length(loader)
    for batch in loader:
        x, y = unpack(batch, "batches (inputs, targets) of a DataLoader")
        arguments = as_tensors(x) if is_structured(x) else x
        main = main_input(arguments) if is_structured(arguments) else arguments
        if not (isinstance(main, Tensor) and isinstance(y, Tensor) and main.ndim > 1 and len(main)):
            raise InvalidData(
                f"expected batches of tensors, the inputs batch x ..., got {kind_of(x)} and "
                f"{kind_of(y)}; let its collate_fn make tensors"
            )
        yield arguments, y
