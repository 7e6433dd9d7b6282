"""Dense calls: networks that route rows by value (mixtures of experts) run every row everywhere.

How many rows an expert receives depends on weights that are not trained yet, and the graph of a
network must not depend on them. While a network is traced, a function that selects by value selects
everything: ``torch.where(chosen == i)`` returns every row, and ``x[mask]`` every element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.constants import Constant

Lookup = Callable[[Tensor], Constant | None]


def dense_call(
    name: str, function: Any, args: Any, kwargs: Any, lookup: Lookup
) -> Callable[[], Any] | None:
    """Return a call that selects all of what the given one selects by value; None if not needed.

    ``lookup`` gives the constant that a tensor is, None where it depends on the input. Selections
    by known values are kept.
    """
    x = args[0] if args else kwargs.get("input", kwargs.get("condition"))
    if not isinstance(x, Tensor):
        return None
    if name in ("nonzero", "argwhere"):
        apart = name == "nonzero" and bool((args[1:] or (kwargs.get("as_tuple"),))[0])
        return lambda: _positions(x, lookup) if apart else torch.stack(_positions(x, lookup), 1)
    if name == "where" and len(args) + len(kwargs) == 1:
        return lambda: _positions(x, lookup)
    if name == "masked_select":
        mask = args[1] if len(args) > 1 else kwargs["mask"]
        both = torch.broadcast_tensors(x, mask)  # type: ignore[no-untyped-call]  # torch's
        return lambda: both[0][_positions(both[1], lookup)]
    if name in ("slice", "set_item") and _has_mask(args[1]):
        parts = args[1] if isinstance(args[1], tuple) else (args[1],)
        index = tuple(p for part in parts for p in _without_mask(part, lookup))
        return lambda: function(x, index, *args[2:])
    return None


def _has_mask(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, Tensor) and part.dtype is torch.bool for part in parts)


def _without_mask(part: Any, lookup: Lookup) -> tuple[Any, ...]:
    is_mask = isinstance(part, Tensor) and part.dtype is torch.bool
    return _positions(part, lookup) if is_mask else (part,)


def _positions(mask: Tensor, lookup: Lookup) -> tuple[Tensor, ...]:
    """Return the indices at which a mask is true, or all indices where its values are unknown."""
    constant = lookup(mask)
    known = None if constant is None else constant.values
    if known is None:
        if mask.is_meta:
            index = torch.empty(mask.numel(), dtype=torch.long, device="meta")
            return tuple(torch.empty_like(index) for _ in mask.shape)
        known = torch.ones(mask.shape, dtype=torch.bool, device=mask.device)
    return tuple(index.to(mask.device) for index in known.nonzero(as_tuple=True))
