"""Rows from the data of users: numeric arrays, and inputs as tensors."""

from __future__ import annotations

from contextlib import suppress
from numbers import Real
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bonas.errors import InvalidData


@runtime_checkable
class SupportsNumpy(Protocol):
    """A table or series that converts itself, such as those of pandas."""

    def to_numpy(self) -> Any:
        """Return the values as an array."""
        ...


Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


def checked_inputs(x: object) -> Tensor:
    """Return ``n x ...`` inputs from numbers of any dtype: float32, or int64 for token ids.

    Complex numbers become complex64. Tables with named columns are numbers, never token ids.

    Raises:
        InvalidData: if they are not numeric, are ragged, have a single axis, are not finite, or are
            token ids below 0.
    """
    if isinstance(x, Tensor):
        fractions = x.is_floating_point() or x.is_complex()
        tokens = are_tokens(x.ndim - 1, fractions, x.dtype.itemsize)
        kind = torch.complex64 if x.is_complex() else torch.float32
        inputs = x.detach().to("cpu", torch.int64 if tokens else kind)
    elif isinstance(x, np.ndarray) and x.dtype.kind == "c":
        tokens, inputs = False, torch.from_numpy(np.array(x, dtype=np.complex64))
    else:
        array = number_array(x, "inputs")
        numbers = array.dtype.kind == "f" or hasattr(x, "columns")
        tokens = are_tokens(array.ndim - 1, numbers, array.dtype.itemsize)
        with np.errstate(over="ignore"):  # overflow becomes inf, which is refused below
            inputs = torch.from_numpy(np.array(array, dtype=np.int64 if tokens else np.float32))
    if inputs.ndim < 2:
        raise InvalidData(
            f"expected inputs of shape n x ..., got shape {tuple(inputs.shape)}; "
            "give each row its own axis, as in inputs.reshape(n, -1)"
        )
    if not tokens:
        check_finite(torch.isfinite(inputs).flatten(1).all(dim=1), "inputs")
    elif len(inputs) and int(inputs.min()) < 0:
        raise InvalidData(
            f"expected token ids of at least 0, got {int(inputs.min())}; number them from 0, or "
            "give a table of numbers as floats, as in inputs.astype('float32')"
        )
    return inputs


def are_tokens(axes: int, floats: bool, itemsize: int) -> bool:
    """Return whether an input of so many axes holds token ids: whole numbers, not bytes."""
    return axes == 1 and not floats and itemsize > 1


def number_array(values: object, what: str) -> Numbers:
    """Return real numbers as an array; an error calls them ``what``.

    Raises:
        InvalidData: if ``values`` are anything else.
    """
    values = as_numpy(values)
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.double() if values.is_floating_point() else values).numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidData(
            f"expected {what} that form an array, got {kind_of(values)} that does not: {error}; "
            "give every row the same shape"
        ) from error
    if array.dtype.kind not in "biuf":
        raise InvalidData(
            f"expected {what} that are real numbers, got {kind_of(values)} of type {array.dtype}; "
            "turn them into numbers"
        )
    return array


def as_numpy(values: object) -> Any:
    """Return a table or series of pandas, or one like it, as an array; others unchanged."""
    array: Any = values.to_numpy() if isinstance(values, SupportsNumpy) else values
    if isinstance(array, np.ndarray) and array.dtype == object:  # of several numeric dtypes
        with suppress(TypeError, ValueError):
            return array.astype(np.float64)
    return array


def kind_of(value: object) -> str:
    """Return what an error says about a value: its type, and its length or short value."""
    kind = type(value).__name__
    if isinstance(value, (tuple, list)):
        return f"a {kind} of length {len(value)}"
    return f"the {kind} {value!r}" if isinstance(value, (str, Real)) else f"a {kind}"


def check_finite(finite: Tensor, what: str) -> None:
    """Raise an error unless all rows are finite, given one truth value per row.

    Raises:
        InvalidData: with their number and the index of the first.
    """
    if not finite.all():
        raise InvalidData(
            f"expected {what} that are finite in float32, got {int((~finite).sum())} of "
            f"{len(finite)} rows that are not, the first at index {int((~finite).nonzero()[0])}; "
            "remove or repair them"
        )
