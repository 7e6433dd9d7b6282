"""Networks that send rows by value, such as mixtures of experts, run with every row everywhere.

How many rows an expert gets depends on weights that are not trained yet, and what a network is must
not depend on them. While a run is written down, a function that takes parts of a tensor by value
takes all of it: ``torch.where(chosen == i)`` returns every row, and ``x[mask]`` every element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.constants import Constant

Look = Callable[[Tensor], Constant | None]


def whole(name: str, function: Any, args: Any, kwargs: Any, look: Look) -> Callable[[], Any] | None:
    """A call that takes all of what a call takes by value; None where none is needed.

    ``look`` says what a tensor is, if no data reach it: its values, where known, are kept.
    """
    x = args[0] if args else kwargs.get("input", kwargs.get("condition"))
    if not isinstance(x, Tensor):
        return None
    if name in ("nonzero", "argwhere"):
        apart = name == "nonzero" and bool((args[1:] or (kwargs.get("as_tuple"),))[0])
        return lambda: _places(x, look) if apart else torch.stack(_places(x, look), 1)
    if name == "where" and len(args) + len(kwargs) == 1:
        return lambda: _places(x, look)
    if name == "masked_select":
        mask = args[1] if len(args) > 1 else kwargs["mask"]
        both = torch.broadcast_tensors(x, mask)  # type: ignore[no-untyped-call]  # torch's
        return lambda: both[0][_places(both[1], look)]
    if name in ("slice", "set_item") and _masks(args[1]):
        parts = args[1] if isinstance(args[1], tuple) else (args[1],)
        index = tuple(p for part in parts for p in _unmasked(part, look))
        return lambda: function(x, index, *args[2:])
    return None


def _masks(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, Tensor) and part.dtype is torch.bool for part in parts)


def _unmasked(part: Any, look: Look) -> tuple[Any, ...]:
    is_mask = isinstance(part, Tensor) and part.dtype is torch.bool
    return _places(part, look) if is_mask else (part,)


def _places(mask: Tensor, look: Look) -> tuple[Tensor, ...]:
    """Where a mask is true, if that is known; everywhere, if it is not."""
    constant = look(mask)
    known = None if constant is None else constant.values
    if known is None:
        if mask.is_meta:
            places = torch.empty(mask.numel(), dtype=torch.long, device="meta")
            return tuple(torch.empty_like(places) for _ in mask.shape)
        known = torch.ones(mask.shape, dtype=torch.bool, device=mask.device)
    return tuple(place.to(mask.device) for place in known.nonzero(as_tuple=True))
