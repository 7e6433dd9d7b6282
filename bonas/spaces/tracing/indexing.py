"""Parts of tensors: what an index, a split or a narrow takes, as text in a label.

x[:, 0, ...]           slice(:, 0)
x[:, tensor]           index(:, *)
x.chunk(2, dim=1)[1]   slice(:, 4:)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.argument_labels import argument_label
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.function_names import PARTS


def index_of(call: Call) -> list[Any]:
    """Return one part per dimension, with the ellipsis expanded and trailing ``:`` dropped."""
    given = call.args[1]
    parts = list(given) if isinstance(given, tuple) else [given]
    x = call.args[0]
    for place, part in enumerate(parts):
        if part is ...:
            rest = x.dim() - sum(map(_dims_consumed, parts))
            parts[place : place + 1] = [slice(None)] * rest
            break
    return _shortened(parts, x.shape)


def _dims_consumed(part: Any) -> int:
    """Return how many dimensions a part of an index selects from."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    is_mask = isinstance(part, Tensor) and part.dtype is torch.bool
    return int(part.dim()) if is_mask else 1


def _shortened(parts: list[Any], shape: torch.Size) -> list[Any]:
    place = 0
    found = []
    for given in parts:
        part = given
        if isinstance(part, slice) and place < len(shape) and _is_whole(part, shape[place]):
            part = slice(None)
        elif isinstance(part, slice) and place < len(shape):
            part = _open_slice(part, shape[place])
        place += _dims_consumed(part)
        found.append(part)
    while found and found[-1] == slice(None) and isinstance(found[-1], slice):
        found.pop()
    return found


def _open_slice(part: slice, size: int) -> slice:
    """Drop a start at 0 and a stop at the end."""
    start = None if type(part.start) is int and part.start == 0 else part.start
    stop = None if type(part.stop) is int and part.stop >= size else part.stop
    return slice(start, stop, part.step)


def _is_whole(part: slice, size: int) -> bool:
    try:
        return part.indices(size) == (0, size, 1)
    except TypeError:  # a 0-dimensional tensor in the place of a number
        return False


def selects(call: Call) -> bool:
    """Return whether an index takes a part only: ``x[:, None]`` is a view of all of ``x``."""
    return any(
        part is not None and not (isinstance(part, slice) and part == slice(None))
        for part in index_of(call)
    )


def index_label(call: Call) -> tuple[str, tuple[str, ...]]:
    """Return ``slice`` or ``index``, and the parts; ``*`` stands for a tensor."""
    parts = index_of(call)
    name, labels = "slice", []
    for part in parts:
        if isinstance(part, Tensor):
            name = "index"
            labels.append("*")
        elif isinstance(part, list):
            name = "index"
            labels.append(f"[{argument_label(part)}]")
        else:
            labels.append("None" if part is None else argument_label(part))
    return name, tuple(labels)


def _dim_of(call: Call) -> int:
    """Return the dimension along which a tensor is split."""
    dims = call.first.dim()
    if call.name in ("hsplit", "vsplit", "dsplit"):
        return {"hsplit": min(1, dims - 1), "vsplit": 0, "dsplit": 2}[call.name]
    return int(call.get("dim", 0)) % max(dims, 1)


def part_size(call: Call, part: Tensor) -> int:
    """Return the size of a part along the dimension that is split."""
    return int(part.shape[_dim_of(call)]) if call.name in PARTS and call.name != "unbind" else 1


def part_index(call: Call, part: Tensor, place: int, start: int) -> tuple[str, ...]:
    """Return which part of a tensor a view is, as an index; empty if it is all of it.

    Args:
        call: The function that returned the view.
        part: The view.
        place: Its position among the results.
        start: Where it begins in the dimension that is split.
    """
    if call.name == "slice":
        return index_label(call)[1] if selects(call) else ()
    if call.name not in PARTS and call.name not in ("select", "narrow"):
        return ()
    dim = _dim_of(call)
    whole = (":",) * dim
    if call.name == "unbind":
        return (*whole, str(place))
    if call.name == "select":
        return (*whole, str(call.get("index")))
    size = call.first.shape[dim]
    if call.name == "narrow":
        start = int(call.get("start", 0)) % size
    stop = start + part.shape[dim]
    if stop - start == size:
        return ()
    return (*whole, f"{start or ''}:{stop if stop < size else ''}")
