"""Inputs of a network with several arguments: a tuple of tensors, or a mapping by name.

Each tensor has one row per row of the data. Its dtype is kept, but floats become float32 and
complex numbers complex64. A mapping may hold the targets too, under one of the names ``TARGETS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bonas.errors import InvalidData
from bonas.evaluation.data.rows import as_numpy, checked_inputs, kind_of
from bonas.spaces.example import mapped, tensors_in

Inputs = Tensor | tuple[Any, ...] | dict[str, Any]
"""``n x ...`` inputs: one tensor, a tuple of positional or a mapping of named arguments."""

TARGETS = ("labels", "label", "targets", "target", "y")
"""Names of the targets in a mapping: the first of these that it has."""


def unpack(item: object, what: str) -> tuple[Any, Any]:
    """Return the inputs and the targets of a batch or row, which an error calls ``what``.

    Raises:
        InvalidData: if it is neither a pair nor a mapping of inputs and targets.
    """
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    if isinstance(item, Mapping):
        name = next((name for name in TARGETS if name in item), None)
        inputs = {key: part for key, part in item.items() if key != name and _is_numeric(part)}
        if name is None or not inputs:
            raise InvalidData(
                f"expected {what}, or mappings with inputs and with targets under one of the names "
                f"{TARGETS}, got {sorted(map(str, item))}; rename one"
            )
        return inputs, item[name]
    raise InvalidData(
        f"expected {what}, got {kind_of(item)}; put several inputs into a tuple, ((x1, x2), "
        "targets), or all into a mapping with the targets as 'labels'; or give step and score, "
        "which take any batch"
    )


def checked_arguments(x: object, rows: int | None = None) -> Inputs:
    """Return the ``n x ...`` inputs of all rows, checked.

    A tuple of arrays holds several arguments, unless it has one array per row, ``rows`` of them.

    Raises:
        InvalidData: if an argument is not numeric, or they have different numbers of rows.
    """
    if not is_structured(x) or (isinstance(x, (tuple, list)) and len(x) == rows):
        return checked_inputs(x)
    inputs: Inputs = as_tensors(x)
    sizes = {len(tensor) if tensor.dim() else None for _, tensor in tensors_in(inputs)}
    if len(sizes) != 1 or None in sizes:
        raise InvalidData(
            f"expected inputs with the same number of rows in each argument, got {kind_of(x)} with "
            f"{sorted(map(str, sizes))} rows; give all of them the same first dimension"
        )
    return inputs


def is_structured(x: object) -> bool:
    """Return whether ``x`` is a mapping, or a tuple or list of arrays."""
    return isinstance(x, Mapping) or (
        isinstance(x, (tuple, list)) and bool(x) and all(map(_is_array, x))
    )


def as_tensors(x: Any) -> Any:
    """Return arguments as tensors, in tuples and mappings.

    Raises:
        InvalidData: if one is not numeric.
    """
    if isinstance(x, Mapping):
        return {name: as_tensors(part) for name, part in x.items()}
    if isinstance(x, (tuple, list)) and is_structured(x):
        return tuple(as_tensors(part) for part in x)
    if isinstance(x, Tensor):
        tensor = x.detach()
    else:
        if not _is_numeric(x):
            raise InvalidData(
                f"expected inputs that are numbers, got {kind_of(x)}; leave it out of the rows"
            )
        tensor = torch.from_numpy(np.array(as_numpy(x)))  # torch takes no read-only arrays
    if tensor.is_floating_point():
        return tensor.float()
    return tensor.to(torch.complex64) if tensor.is_complex() else tensor


def main_input(inputs: Inputs) -> Tensor:
    """Return the main input: ``input_ids`` if there are such, else the first tensor."""
    ids = inputs.get("input_ids") if isinstance(inputs, dict) else None
    return ids if isinstance(ids, Tensor) else next(tensor for _, tensor in tensors_in(inputs))


def rows_of(inputs: Inputs, rows: Any) -> Any:
    """Return some rows of all arguments."""
    return mapped(lambda tensor: tensor[rows], inputs)


def _is_array(value: object) -> bool:
    return isinstance(value, (Tensor, np.ndarray)) and value.ndim > 0


def _is_numeric(part: object) -> bool:
    """Return whether ``part`` is numeric: networks take no text."""
    if isinstance(part, (Tensor, Mapping)) or is_structured(part):
        return True
    try:
        return np.asarray(as_numpy(part)).dtype.kind in "biufc"
    except ValueError:  # a ragged list
        return False
